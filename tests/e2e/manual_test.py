"""The manual pages and the shell's completion are held to the programs."""

import gzip
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

from rig.case import Case, main
from rig.program import PROGRAMS, path_of, run

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "config" / "man"
COMPLETIONS = ROOT / "config" / "bash-completion"


def page(name):
    """A page's text, without the escapes that keep a hyphen a hyphen."""
    return (PAGES / name).read_text("utf-8").replace("\\-", "-")


def options_of(program, *command):
    shown = run([program, *command, "--help"])
    assert shown.returncode == 0, shown.stderr
    return set(re.findall(r"^ +(?:-[a-z],)?(--[a-z-]+)", shown.stdout, re.MULTILINE)), shown.stdout


def commands():
    text = options_of("mjwatch")[1]
    found = re.findall(r"^  ([a-z]+) ", text[text.index("Subcommands:"):], re.MULTILINE)
    assert len(found) > 10, text
    return found


def configuration_keys():
    """Every key that the configuration's reader asks for."""
    keys = set()
    for file in (ROOT / "daemon" / "config").glob("*.cpp"):
        text = file.read_text("utf-8")
        keys.update(re.findall(r'\b(?:text|flag|whole|number|size|duration|choice|list|named|sub)\("([a-z_]+)"', text))
        keys.update(re.findall(r'\bread_[a-z_]+\([a-z]+, "([a-z_]+)"', text))
    return keys


class ManualTest(Case):
    def test_every_option_of_every_program_is_in_its_page(self):
        for program, name in (("mjwatchd", "mjwatchd.8"), ("mjwatch", "mjwatch.1"),
                              ("mjwatch-gateway", "mjwatch-gateway.1")):
            options = options_of(program)[0]
            self.assertIn("--help", options)
            for option in options:
                self.assertRegex(page(name), re.escape(option) + r"\b", f"{name} does not tell of {option}")

    def test_every_command_and_its_options_are_in_the_clients_page(self):
        text = page("mjwatch.1")
        for command in commands():
            section = re.search(rf'^\.SS "?{command}\b.*?(?=^\.S[SH] )', text, re.MULTILINE | re.DOTALL)
            self.assertTrue(section, f"mjwatch.1 has no section on {command}")
            for option in options_of("mjwatch", command)[0] - {"--help", "--gateway", "--limit", "--all"}:
                self.assertRegex(section[0], re.escape(option) + r"\b", f"mjwatch {command} {option}")

    def test_no_page_tells_of_an_option_that_is_not_there(self):
        known = {"mjwatchd.8": options_of("mjwatchd")[0], "mjwatch-gateway.1": options_of("mjwatch-gateway")[0],
                 "mjwatch.1": options_of("mjwatch")[0].union(*(options_of("mjwatch", word)[0] for word in commands()))}
        for name, options in known.items():
            for option in re.findall(r'^\.B[IR]? (--[a-z-]+)', page(name), re.MULTILINE):
                self.assertIn(option, options | {"--gateway"}, name)

    def test_every_misbehaviour_is_in_the_page(self):
        shown = options_of("mjwatch-gateway")[1]
        block = shown[shown.index("Misbehaviours"):shown.index("Control calls")]
        for word in re.findall(r"^  ([a-z0-9-]+)", block, re.MULTILINE):
            self.assertRegex(page("mjwatch-gateway.1"), rf"\b{re.escape(word)}\b", word)

    def test_every_key_of_the_configuration_is_in_its_page(self):
        keys = configuration_keys()
        self.assertLessEqual({"state_dir", "gateways", "call_cost", "ca_file", "allow", "retry", "level"}, keys)
        text = page("mjwatchd.yaml.5")
        for key in keys:
            self.assertRegex(text, rf'(?m)^(\.B|\.SH "THE PART) {key}:', key)

    def test_pages_have_the_sections_that_people_look_for(self):
        for name in ("mjwatchd.8", "mjwatch.1", "mjwatch-gateway.1", "mjwatchd.yaml.5"):
            for section in ("NAME", "SYNOPSIS", "DESCRIPTION", '"EXIT STATUS"', "FILES", "ENVIRONMENT", "EXAMPLES",
                            "DIAGNOSTICS", '"SEE ALSO"'):
                self.assertIn(f"\n.SH {section}\n", page(name), name)

    @unittest.skipUnless(shutil.which("man"), "SKIPPED: man is not installed")
    def test_pages_are_set_without_a_warning(self):
        for name in sorted(PAGES.iterdir()):
            set_page = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(name)],
                                      env={**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"},
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60)
            self.assertEqual((set_page.returncode, set_page.stderr), (0, ""), name)

    def test_what_is_built_for_installation_is_the_page(self):
        for name in PAGES.iterdir():
            built = PROGRAMS / "config" / f"{name.name}.gz"
            self.assertEqual(gzip.decompress(built.read_bytes()), name.read_bytes())

    def test_the_example_that_a_package_installs_needs_a_token_only(self):
        (self.folder / "mjwatchd.yaml").write_text((ROOT / "config" / "debian" / "mjwatchd.yaml").read_text("utf-8"))
        check = ["mjwatchd", "--config", self.folder / "mjwatchd.yaml", "--check"]
        environment = {"CREDENTIALS_DIRECTORY": str(self.folder)}
        self.assertEqual(run(check, environment=environment).returncode, 78)
        (self.folder / "octopusx.token").write_text("token\n")
        (self.folder / "octopusx.token").chmod(0o600)
        done = run(check, environment=environment)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


@unittest.skipUnless(Path("/usr/share/bash-completion/bash_completion").exists(),
                     "SKIPPED: bash-completion is not installed")
class CompletionTest(Case):
    def complete(self, line, socket="/nowhere"):
        """What bash would offer at the end of the line."""
        words = line.split(" ")
        script = f"""
          source /usr/share/bash-completion/bash_completion
          source {COMPLETIONS / words[0]}
          COMP_LINE={line!r}; COMP_POINT=${{#COMP_LINE}}; COMP_WORDBREAKS=$' \\t\\n"'"'"'><=;|&(:'
          COMP_WORDS=({" ".join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}
          _{words[0]} {words[0]} "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
          printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        done = subprocess.run(["bash", "--norc", "-c", script], text=True, capture_output=True, timeout=60,
                              env={**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
                                   "MJWATCH_SOCKET": str(socket)})
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_commands_and_options(self):
        self.assertEqual(sorted(self.complete("mjwatch ")), sorted(commands()))
        self.assertEqual(self.complete("mjwatch sim"), ["simulate"])
        self.assertEqual(self.complete("mjwatch wait --ti"), ["--timeout"])
        self.assertIn("--json", self.complete("mjwatch --json list --"))
        self.assertEqual(self.complete("mjwatchd --pr"), ["--print-config"])
        self.assertEqual(self.complete("mjwatch replay --state d"), ["delivered", "dead"])
        self.assertEqual(self.complete("mjwatch endpoints e"), ["enable"])

    def test_ids_and_endpoints_come_from_the_daemon(self):
        receiver = self.receiver("/app")
        daemon = self.daemon()
        for name in ("shop", "archive"):
            daemon.add_endpoint(name, receiver.url + "/app", receiver.secrets["/app"][0])
        self.start(daemon)
        for task in ("a1", "a2", "b:1"):
            daemon.control.register(task, {"metadata": {"id": "not-a-task", "name": "no"}})
        self.assertEqual(sorted(self.complete("mjwatch show a", daemon.socket)), ["a1", "a2"])
        self.assertEqual(self.complete("mjwatch wait b", daemon.socket), ["b:1"])
        self.assertEqual(self.complete("mjwatch endpoints test s", daemon.socket), ["shop"])
        self.assertEqual(sorted(self.complete("mjwatch add x --webhook ", daemon.socket)), ["archive", "shop"])
        self.assertEqual(self.complete("mjwatch list --gateway ", daemon.socket), ["gw"])
        daemon.control.need("POST", "/v1/endpoints/shop/test", {})
        (delivery,) = daemon.control.deliveries()
        self.assertEqual(self.complete("mjwatch deliveries ", daemon.socket), [str(delivery["id"])])
        self.assertEqual(self.complete(f"mjwatch --socket {daemon.socket} show a1"), ["a1"])

    def test_a_daemon_that_is_away_is_no_trouble(self):
        self.assertEqual(self.complete("mjwatch show "), [])
        self.assertEqual(path_of("mjwatch"), str(PROGRAMS / "mjwatch"))


if __name__ == "__main__":
    main()
