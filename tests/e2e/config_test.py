"""The configuration from outside: what is wrong is said with its place, secrets stay secret, a bad reload changes
nothing."""

import json
import signal

from rig.case import Case, main
from rig.daemon import write_private
from rig.program import clean_environment, run, wait_until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

GOOD = """\
state_dir: {folder}/state
control:
  socket: {folder}/s
gateways:
  gw:
    url: http://127.0.0.1:9
    token_file: gateway.token
webhooks:
  default: [app]
  endpoints:
    app:
      url: http://127.0.0.1:9/hook
      secret_file: app.secret
"""


class ConfigTest(Case):
    def setUp(self):
        super().setUp()
        write_private(self.folder / "gateway.token", "tok-7f3a9c1e5b\n")
        write_private(self.folder / "app.secret", SECRET + "\n")

    def write(self, text):
        file = self.folder / "c.yaml"
        file.write_text(text.replace("{folder}", str(self.folder)), "utf-8")
        return file

    def check(self, text):
        return run(["mjwatchd", "--config", self.write(text), "--check"])

    def refused(self, text, *pieces):
        """Every mode refuses the file in the same words, with exit code 78."""
        for mode in (["--check"], ["--print-config"], []):
            made = run(["mjwatchd", "--config", self.write(text), *mode])
            if mode == ["--print-config"] and made.returncode == 0:
                continue  # a missing secret is no matter of what is printed
            self.assertEqual(made.returncode, 78, f"{mode}: {made}")
            for piece in pieces:
                self.assertIn(piece, made.stderr, mode)
            self.assertEqual(made.stdout, "", mode)
        self.assertFalse((self.folder / "state").exists(), "a refused configuration touches nothing")
        return made.stderr

    def test_a_good_file_passes_and_says_so(self):
        made = self.check(GOOD)
        self.assertEqual((made.returncode, made.stderr), (0, ""))
        self.assertIn("c.yaml is good", made.stdout)

    def test_every_mistake_is_told_at_once_with_its_place(self):
        bad = (GOOD.replace("    url: http://127.0.0.1:9\n", "    url: http://127.0.0.1:9\n    bach: 7\n    timeout: 60\n")
               + "watch:\n  max_gap: soon\nlog:\n  level: loud\n")
        said = self.refused(bad)
        file = self.folder / "c.yaml"
        for line, column, key, words in [(7, 5, "bach", 'did you mean "batch"'), (8, 14, "timeout", "has no unit"),
                                         (17, 12, "max_gap", "not a duration"), (19, 10, "level", "allowed")]:
            found = [text for text in said.splitlines() if text.startswith(f"{file}:{line}:{column}: ")]
            self.assertEqual(len(found), 1, f"{line}:{column} in\n{said}")
            self.assertIn(key, found[0])
            self.assertIn(words, found[0])

    def test_what_is_not_yaml_is_told_with_its_place(self):
        self.refused("gateways: [\n", "c.yaml:")
        self.refused("a: b: c\n", "c.yaml:1:")
        self.refused("", "gateways")
        self.refused("- just\n- a list\n", "c.yaml:1:1")

    def test_a_file_that_is_not_there_is_told_by_its_name(self):
        made = run(["mjwatchd", "--config", self.folder / "nothing.yaml", "--check"])
        self.assertEqual(made.returncode, 78)
        self.assertIn("nothing.yaml", made.stderr)

    def test_a_missing_secret_names_the_places_that_were_searched(self):
        (self.folder / "gateway.token").unlink()
        said = self.refused(GOOD, "gateways.gw.token_file", str(self.folder / "gateway.token"))
        self.assertNotIn("whsec_", said)
        (self.folder / "app.secret").unlink()
        self.refused(GOOD, "gateways.gw.token_file", "webhooks.endpoints.app.secret_file")

    def test_a_secret_that_is_none_is_refused_without_being_shown(self):
        write_private(self.folder / "app.secret", "whsec_c2hvcnQ=\n")
        self.assertNotIn("c2hvcnQ", self.refused(GOOD, "webhooks.endpoints.app.secret_file"))
        write_private(self.folder / "app.secret", "")
        self.refused(GOOD, "empty")

    def test_a_secret_that_all_can_read_is_warned_about(self):
        (self.folder / "gateway.token").chmod(0o644)
        made = self.check(GOOD)
        self.assertEqual(made.returncode, 0)
        self.assertIn("can be read by others", made.stderr)
        daemon = self.start(self.daemon())
        (daemon.folder / "gateway.token").chmod(0o644)
        daemon.program.signal(signal.SIGHUP)
        wait_until(lambda: "can be read by others" in daemon.program.output(), 10, "the daemon warns, too")

    def test_a_socket_path_that_is_too_long_is_a_mistake_of_the_file(self):
        self.refused(GOOD.replace("{folder}/s\n", "/tmp/" + "x" * 110 + "\n"), ":3:", "107 bytes")

    def test_wrong_words_are_usage_and_not_configuration(self):
        self.assertEqual(run(["mjwatchd", "--chek"]).returncode, 2)
        made = run(["mjwatchd", "--version"])
        self.assertEqual(made.returncode, 0)
        self.assertRegex(made.stdout, r"^mjwatchd \d+\.\d+\.\d+\n$")
        self.assertEqual(run(["mjwatchd", "--help"]).returncode, 0)

    def test_what_is_printed_is_in_force_and_holds_no_secret(self):
        token = self.folder / "gateway.token"
        made = run(["mjwatchd", "--config", self.write(GOOD), "--print-config"])
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assert_no_secret(made.stdout + made.stderr, SECRET, token.read_text().strip())
        self.assertIn("max_gap", made.stdout)
        again = run(["mjwatchd", "--config", self.write(made.stdout), "--print-config"])
        self.assertEqual((again.returncode, again.stdout), (0, made.stdout), "it can be read again, and says the same")

    def test_the_environment_can_hold_the_token_and_it_is_not_printed(self):
        text = GOOD.replace("token_file: gateway.token", "token_env: E2E_TOKEN")
        made = run(["mjwatchd", "--config", self.write(text), "--check"])
        self.assertEqual(made.returncode, 78)
        self.assertIn("E2E_TOKEN", made.stderr)
        made = run(["mjwatchd", "--config", self.write(text), "--check"], environment={"E2E_TOKEN": "tok-in-the-air"})
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertNotIn("tok-in-the-air", made.stdout + made.stderr)

    def test_credentials_of_systemd_come_before_the_file_beside(self):
        credentials = self.folder / "credentials"
        credentials.mkdir()
        (self.folder / "app.secret").unlink()
        write_private(credentials / "credentials_app.secret", SECRET)
        made = run(["mjwatchd", "--config", self.write(GOOD), "--check"],
                   environment={"CREDENTIALS_DIRECTORY": str(credentials)})
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertNotIn("CREDENTIALS_DIRECTORY", clean_environment())

    def test_a_reload_with_a_mistake_keeps_the_old_configuration_and_a_good_one_takes_over(self):
        receiver = self.receiver("/before", "/after")
        daemon = self.daemon(self.gateway("--picture", "none"))
        daemon.add_endpoint("app", receiver.url + "/before", receiver.secrets["/before"][0])
        self.start(daemon)
        good = daemon.config_file.read_text()
        daemon.config_file.write_text(good.replace('"max_gap"', '"max_gapp"'))
        daemon.program.signal(signal.SIGHUP)
        wait_until(lambda: "stays in force" in daemon.program.output(), 10, "the reload is refused")
        self.assertRegex(daemon.program.output(), r"mjwatchd\.yaml:\d+:\d+: .*max_gapp.*did you mean")
        daemon.control.need("POST", "/v1/endpoints/app/test", {})
        wait_until(lambda: receiver.taken("/before"), 10, "the old endpoint is still in force")
        changed = json.loads(good)
        changed["webhooks"]["endpoints"]["app"]["url"] = receiver.url + "/after"
        daemon.config_file.write_text(json.dumps(changed))
        write_private(daemon.folder / "app.secret", receiver.secrets["/after"][0])
        daemon.program.signal(signal.SIGHUP)
        wait_until(lambda: "is in force" in daemon.program.output().replace("stays in force", ""), 10, "it is taken")
        daemon.control.need("POST", "/v1/endpoints/app/test", {})
        wait_until(lambda: receiver.taken("/after"), 10, "the new endpoint is in force")
        self.assertTrue(receiver.taken("/after")[0].verified)
        self.assertEqual(daemon.stop()[0], 0)
        self.assert_no_secret(daemon.program.output(), daemon.token, *receiver.secrets["/before"],
                              *receiver.secrets["/after"])


if __name__ == "__main__":
    main()
