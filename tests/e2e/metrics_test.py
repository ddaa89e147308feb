"""What Prometheus sees of a daemon at work, and that the alert rules and the dashboard ask for nothing else."""

import json
import re
from pathlib import Path

from rig import metrics
from rig.case import ON_POSTGRESQL, Case, main, of_sqlite
from rig.program import wait_until

CONFIG = Path(__file__).resolve().parents[2] / "config"
NAME = re.compile(r"\bmjwatchd_[a-z0-9_]+")


class MetricsTest(Case):
    def at_work(self):
        """A daemon that has made calls, saved pictures, and delivered to one receiver and failed at another."""
        gateway = self.gateway("--picture", "png", "--picture-size", "20KB")
        receiver = self.receiver("/app", "/bad", decide=lambda arrival: 204 if arrival.path == "/app" else 500)
        daemon = self.daemon(gateway)
        for name in ("app", "bad"):
            daemon.add_endpoint(name, f"{receiver.url}/{name}", receiver.secrets[f"/{name}"][0])
        self.start(daemon)
        for number in range(5):
            gateway.make(f"good{number}", duration="300ms")
            daemon.control.register(f"good{number}")
        gateway.make("fails", ending="FAILURE", duration="300ms")
        daemon.control.register("fails")
        gateway.make("runs", ending="NEVER")
        daemon.control.register("runs", {"action": "IMAGINE"})
        wait_until(lambda: len(daemon.control.deliveries("?state=delivered")) == 6, 60, "six webhooks arrived")
        return daemon, gateway, receiver

    def test_what_was_done_is_counted(self):
        daemon, gateway, receiver = self.at_work()
        seen = metrics.of(daemon)
        self.assertEqual(seen.sum("mjwatchd_tasks", state="watching"), 1)
        self.assertEqual(seen.sum("mjwatchd_tasks", state="done"), 6)
        self.assertEqual(seen.sum("mjwatchd_events_total", type="task.succeeded"), 5)
        self.assertEqual(seen.sum("mjwatchd_events_total", type="task.failed"), 1)
        self.assertEqual(seen.sum("mjwatchd_downloads_total", result="saved"), 5)
        saved = sum(file.stat().st_size for file in daemon.pictures.rglob("*.png"))
        self.assertEqual(seen.sum("mjwatchd_download_bytes_total"), saved)
        self.assertEqual(seen.sum("mjwatchd_delivery_attempts_total", endpoint="app", result="2xx"), 6)
        self.assertGreaterEqual(seen.sum("mjwatchd_delivery_attempts_total", endpoint="bad", result="5xx"), 1)
        self.assertEqual(seen.sum("mjwatchd_deliveries", state="pending"), 6)
        self.assertGreater(seen.sum("mjwatchd_oldest_pending_delivery_age_seconds"), 0)
        self.assertGreaterEqual(seen.sum("mjwatchd_commits_total", result="done"), 13)
        self.assertEqual(seen.sum("mjwatchd_gateway_ends_noticed_total", gateway="gw"), 6)
        self.assertEqual(seen.sum("mjwatchd_detection_delay_seconds_count", gateway="gw"), 6)
        calls = seen.sum("mjwatchd_gateway_calls_total", gateway="gw", verdict="answered")
        self.assertGreaterEqual(calls, 1)
        self.assertLessEqual(calls, sum(gateway.stats().get(kind, 0) for kind in ("list", "fetch")))
        self.assertEqual(seen.sum("mjwatchd_healthy"), 1)
        self.assertEqual(seen.sum("mjwatchd_ready"), 1)
        self.assertGreater(seen.sum("mjwatchd_process_resident_memory_bytes"), 1 << 20)
        if not ON_POSTGRESQL:  # which has its own disk
            self.assertGreater(seen.sum("mjwatchd_state_free_bytes"), 0)
        self.assertGreater(seen.sum("mjwatchd_pictures_free_bytes"), 0)
        self.assert_no_secret(daemon.control.get("/metrics").body.decode(), *self.secrets)

    @of_sqlite("the disk under the store")
    def test_alerts_and_dashboard_name_only_what_is_there(self):
        daemon, _, _ = self.at_work()
        there = metrics.of(daemon).names
        dashboard = json.loads((CONFIG / "grafana-dashboard.json").read_text("utf-8"))
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
        self.assertGreater(len(expressions), 20)
        asked = {"alerts.yaml": {name for line in (CONFIG / "alerts.yaml").read_text("utf-8").splitlines()
                                 if line.strip().startswith("expr:") for name in NAME.findall(line)},
                 "grafana-dashboard.json": {name for text in expressions for name in NAME.findall(text)}}
        for file, names in asked.items():
            self.assertGreater(len(names), 10, file)
            self.assertEqual(names - there, set(), f"{file} asks for what /metrics does not have")

    def test_what_others_send_makes_no_new_series(self):
        """Names of tasks, receivers' URLs and gateways' words must not become labels."""
        daemon = self.start(self.daemon())
        before = len(metrics.of(daemon).samples)
        for number in range(50):
            url = f"https://app{number}.example.com/"
            body = {"webhooks": [{"url": url, "format": "notify-hook"}], "action": f"A{number}"}
            self.assertEqual(daemon.control.register(f"t{number}", body).status, 201)
        self.assertEqual(len(metrics.of(daemon).samples), before)

    def test_a_gateway_and_an_endpoint_that_are_gone_are_gone_from_the_gauges(self):
        daemon = self.daemon()
        daemon.config["gateways"]["second"] = dict(daemon.config["gateways"]["gw"])
        daemon.add_endpoint("app", "http://127.0.0.1:9/", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
        self.start(daemon)
        self.assertIsNotNone(metrics.of(daemon).sum("mjwatchd_gateway_up", gateway="second"))
        del daemon.config["gateways"]["second"]
        daemon.config["webhooks"] = {"default": []}
        daemon.write_config()
        daemon.program.signal(1)
        wait_until(lambda: metrics.of(daemon).sum("mjwatchd_gateway_up", gateway="second") is None, 20, "reloaded")
        self.assertIsNone(metrics.of(daemon).sum("mjwatchd_endpoint_up", endpoint="app"))


if __name__ == "__main__":
    main()
