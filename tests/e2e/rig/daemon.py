"""mjwatchd with a configuration of its own."""

import json
import shutil
from pathlib import Path

from rig.control import Control
from rig.program import Program, wait_until

CONTROL_BITS = 0o600


def write_private(path, text):
    path = Path(path)
    path.write_text(text, "utf-8")
    path.chmod(CONTROL_BITS)
    return path


class Daemon:
    """The configuration is a dict; JSON is YAML. Its parts may be changed until start()."""

    def __init__(self, folder, gateway_url, token="tok-7f3a9c1e5b", **parts):
        self.folder = Path(folder)
        self.token = token
        self.config_file = self.folder / "mjwatchd.yaml"
        self.socket = self.folder / "s"
        self.pictures = self.folder / "pictures"
        self.log = self.folder / "mjwatchd.log"
        write_private(self.folder / "gateway.token", token + "\n")
        self.config = {
            "state_dir": str(self.folder / "state"),
            "control": {"socket": str(self.socket)},
            "gateways": {
                "gw": {"url": gateway_url, "token_file": "gateway.token", "call_cost": "100ms",
                       "max_calls_per_minute": 6000, "max_in_flight": 4, "timeout": "5s"},
            },
            "watch": {"max_gap": "1s", "missing_grace": "2s"},
            "images": {"directory": str(self.pictures), "keep_free": "1MiB", "give_up": "60s"},
            "webhooks": {"default": [], "retry": ["200ms", "500ms", "1s", "2s", "5s", "5s", "5s", "5s"],
                         "endpoints": {}},
            "log": {"level": "info", "format": "text"},
        }
        for part, values in parts.items():
            self.config.setdefault(part, {}).update(values)
        self.control = Control(self.socket)
        self.program = None

    def add_endpoint(self, name, url, secret, default=True, **more):
        write_private(self.folder / f"{name}.secret", secret + "\n")
        self.config["webhooks"]["endpoints"][name] = {"url": url, "secret_file": f"{name}.secret", **more}
        if default:
            self.config["webhooks"]["default"].append(name)

    def share(self, url, password, lease="3s"):
        """Keeps its watch list in PostgreSQL."""
        write_private(self.folder / "pg.password", password + "\n")
        self.config.update({"store": url, "store_password_file": "pg.password", "lease": lease})

    def take_key(self, other):
        """Has the key that all daemons of a list need, before its first start."""
        (self.folder / "state").mkdir(mode=0o700)
        shutil.copy(other.folder / "state" / "secrets.key", self.folder / "state" / "secrets.key")

    def write_config(self):
        self.config_file.write_text(json.dumps(self.config, indent=1), "utf-8")

    def launch(self, environment=None, words_before=()):
        """Starts it without waiting for anything."""
        self.write_config()
        self.program = Program(["mjwatchd", "--config", self.config_file], self.log, environment, words_before)
        return self

    def start(self, environment=None, words_before=()):
        self.launch(environment, words_before)
        self.wait_ready()
        return self

    def wait_ready(self):
        wait_until(self.answers, 20, "mjwatchd is ready\n" + self.tail())

    def answers(self):
        if not self.program.running():
            raise AssertionError(f"mjwatchd ended with {self.program.process.returncode}:\n{self.tail()}")
        try:
            return self.control.get("/readyz").status != 503 or self.control.need("GET", "/v1/status").get("ready")
        except (OSError, AssertionError):
            return False

    def tail(self, lines=40):
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])

    def log_lines(self):
        """What it logged, where log.format is json."""
        return [json.loads(line) for line in self.program.output().splitlines() if line.startswith("{")]

    def kill(self):
        self.program.kill()

    def stop(self):
        return self.program.stop()
