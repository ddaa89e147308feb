"""The page in a real browser: Chromium through playwright-core, judged by axe-core."""

import json
import math
import os
from pathlib import Path

from rig import browser
from rig.case import Case, main, of_sqlite
from rig.daemon import write_private
from rig.many import multiply_task
from rig.program import free_port, run, wait_until

FIRST_VIEW_BYTES = 100_000
# Where the pictures of the page are kept, for people to look at.
SHOTS = os.environ.get("MJWATCHD_SCREENSHOTS")
PHONE = {"viewport": {"width": 390, "height": 844}, "deviceScaleFactor": 2, "hasTouch": True}
TOKEN = "page-token-5d1f7a20c3"


class PageTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder_of_class = Path(browser.PACKAGES.parent / "page-browser")
        cls.folder_of_class.mkdir(parents=True, exist_ok=True)
        cls.browser = browser.Browser(cls.folder_of_class)
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        super().setUp()
        self.do("await page?.goto('about:blank'); tools.problems.length = 0; tools.requests.length = 0; tools.forgetTransferred();")

    def do(self, code, **more):
        return self.browser.do(code, **more)

    def daemon_with_page(self, gateway, **parts):
        daemon = self.daemon(gateway, **parts)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        write_private(self.folder / "control.token", TOKEN + "\n")
        daemon.config["control"].update({"listen": f"127.0.0.1:{self.port}", "token_file": "control.token"})
        self.secrets.add(TOKEN)
        return daemon

    def link(self, daemon):
        made = run(["mjwatch", "--socket", daemon.socket, "page"])
        self.assertEqual((made.returncode, made.stderr), (0, ""))
        return made.stdout.strip()

    def enter(self, daemon, **profile):
        self.browser.open(**profile)
        self.do(f"await page.goto({json.dumps(self.link(daemon))}); await page.waitForSelector('.tiles');")
        self.text("#connection", "Live")

    def text(self, selector, wanted):
        """Waits until the element says it."""
        self.do(f"await page.waitForFunction(([s, t]) => [...document.querySelectorAll(s)]"
                f".some((one) => one.getClientRects().length && one.innerText.includes(t)), {json.dumps([selector, wanted])});")

    def assert_nothing_wrong(self):
        self.assertEqual(self.do("return tools.problems"), [])
        self.assertEqual(self.do("return await page.evaluate(() => window.violations)"), [])
        elsewhere = [url for url in self.do("return tools.requests") if not url.startswith(self.url)]
        self.assertEqual(elsewhere, [])

    def assert_good_for_everyone(self, name):
        """axe-core has nothing to say, in both themes, at both widths; and the pictures, if they are wanted."""
        for scheme in ("light", "dark"):
            for width, height in ((1280, 860), (390, 844)):
                self.do("await page.evaluate(() => scrollTo(0, 0));"
                        "await page.evaluate(() => document.getElementById('toasts').replaceChildren());")
                self.do(f"await page.emulateMedia({{ colorScheme: '{scheme}', reducedMotion: 'reduce' }});"
                        f"await page.setViewportSize({{ width: {width}, height: {height} }});")
                self.assertEqual(self.do("return await tools.axe()"), [], f"{name}, {scheme}, {width} wide")
                wide = self.do("return await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)")
                self.assertLessEqual(wide, 0, f"{name} is wider than a window of {width}")
                if SHOTS:
                    path = json.dumps(str(Path(SHOTS) / f"{name}-{scheme}-{width}.png"))
                    self.do(f"await page.screenshot({{ path: {path}, fullPage: true }});")
        self.do("await page.emulateMedia({ colorScheme: 'light', reducedMotion: null });"
                "await page.setViewportSize({ width: 1280, height: 860 });")

    def test_a_link_lets_in_once_and_the_token_as_often_as_it_is_typed(self):
        daemon = self.start(self.daemon_with_page(self.gateway()))
        self.browser.open()
        self.do(f"await page.goto('{self.url}'); await page.waitForSelector('#token');")
        self.assert_good_for_everyone("sign-in")
        self.do("await page.fill('#token', 'wrong'); await page.press('#token', 'Enter');")
        self.text(".wrong", "not that of control.token_file")
        self.do(f"await page.fill('#token', '{TOKEN}'); await page.press('#token', 'Enter');")
        self.text(".tile", "watching")
        self.assertEqual(self.do("return await page.evaluate(() => document.cookie)"), "", "no script sees the session")
        self.do("await page.click('#sign-out'); await page.waitForSelector('#token');")
        link = self.link(daemon)
        self.assertRegex(link, rf"^http://127\.0\.0\.1:{self.port}/#link=[0-9a-f]{{48}}$")
        self.do(f"await page.goto('{link}'); await page.waitForSelector('.tiles');")
        self.assertEqual(self.do("return page.url()"), self.url + "#/", "the secret is gone from the address")
        self.browser.open()
        self.do(f"await page.goto('{link}');")
        self.text(".toast", "used already")
        self.do("await page.waitForSelector('#token');")
        self.assert_nothing_wrong()

    def test_keys_and_the_theme(self):
        self.start(self.daemon_with_page(self.gateway()))
        self.browser.open()
        self.do(f"await page.goto('{self.url}'); await page.fill('#token', '{TOKEN}'); await page.press('#token', 'Enter');"
                " await page.waitForSelector('.tiles');")
        focused = "return await page.evaluate(() => document.activeElement.id || document.activeElement.innerText.trim());"
        self.assertEqual(self.do(focused), "Now", "after signing in, reading begins at the view")
        self.do("await page.reload(); await page.waitForSelector('.tiles'); await page.keyboard.press('Tab');")
        self.assertEqual(self.do(focused), "Skip to the content")
        self.do("await page.keyboard.press('Enter');")
        self.assertEqual(self.do(focused), "main")
        self.do("await page.keyboard.press('Shift+Tab'); await page.keyboard.press('Shift+Tab');")
        self.assertEqual(self.do(focused), "theme")
        theme = "return [await page.innerText('#theme'), await page.evaluate(() => document.documentElement.dataset.theme ?? '')];"
        for word in ("light", "dark"):
            self.do("await page.keyboard.press('Enter');")
            self.assertEqual(self.do(theme), [f"Theme: {word}", word])
        self.do("await page.reload(); await page.waitForSelector('.tiles');")
        self.assertEqual(self.do(theme), ["Theme: dark", "dark"])
        self.do("await page.focus('nav a[href=\"#/search\"]'); await page.keyboard.press('Enter');"
                " await page.waitForSelector('.search-form');")
        self.assertEqual(self.do(focused), "Search", "the new view's heading is where reading goes on")
        self.assertEqual(self.do("return await page.title()"), "Search · mjwatchd")
        self.assert_nothing_wrong()

    def test_of_a_crowd_only_the_ends_are_followed(self):
        daemon = self.start(self.daemon_with_page(self.gateway(), watch={"max_gap": "1s", "missing_grace": "6s"}))
        self.enter(daemon)
        followed = "return tools.requests.filter((url) => url.endsWith('/v1/events')).length"
        before = self.do(followed)
        crowd = [f"one-{number}" for number in range(1001)]
        daemon.control.need("POST", "/v1/tasks", {"ids": crowd, "webhooks": []})
        wait_until(lambda: any(url.endswith("task.lost") for url in self.do("return tools.requests")), 20,
                   "it follows no progress")
        self.text("#connection", "Live")
        wait_until(lambda: self.do(followed) > before, 40, "the crowd is lost, and it follows everything again")
        self.assert_nothing_wrong()

    def test_progress_moves_and_the_connection_is_lost_and_regained(self):
        gateway = self.gateway("--picture", "png", "--picture-size", "60KB")
        daemon = self.daemon_with_page(gateway)
        daemon.add_endpoint("shop", self.receiver("/shop").url + "/shop", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
        self.start(daemon)
        for number in range(70):
            gateway.make(f"wave-{number}", duration="900s", prompt=f"long waves under the moon, number {number} --ar 3:2 --v 7")
            daemon.control.register(f"wave-{number}", {"metadata": {"order": number}})
        wait_until(lambda: all(task["task"] for task in daemon.control.need("GET", "/v1/tasks")["tasks"]), 20, "all are seen")
        self.do("tools.forgetTransferred();")
        self.enter(daemon)
        self.text(".note", "The newest 60 of 70.")
        first = self.do("return tools.transferred()")
        self.assertGreater(first, 10_000, "counted at all")
        self.assertLess(first, FIRST_VIEW_BYTES)
        for number in range(70):
            daemon.control.call("DELETE", f"/v1/tasks/wave-{number}")
        gateway.make("fox", duration="8s", action="IMAGINE", prompt="a fox in the snow --ar 3:2")
        self.do("await page.fill('#watch-id', 'fox'); await page.press('#watch-id', 'Enter');")
        self.text(".task-row", "fox")
        self.text(".task-row .prompt", "a fox in the snow")
        seen = self.do("""
            const seen = new Set(), bar = page.locator('.task-row [role=progressbar]');
            for (const end = Date.now() + 30000; seen.size < 3 && Date.now() < end;) {
              seen.add(await bar.getAttribute('aria-valuenow').catch(() => null));
              await page.waitForTimeout(50);
            }
            return [...seen];""")
        self.assertGreaterEqual(len(seen), 3, seen)
        self.text(".empty", "Nothing is being made")
        gateway.make("hen", duration="600s", action="IMAGINE", prompt="a hen")
        daemon.control.register("hen")
        self.do("await page.waitForFunction(() => /^(done in about|very likely done|taking longer)/.test("
                "document.querySelector('.task-row .expected')?.innerText));")  # by what was learned of the fox
        # The daemon goes, and comes back on the same port: the session, and the page, go on.
        daemon.kill()
        self.text("#connection", "Connection lost")
        gateway.make("owl", duration="600s", prompt="an owl")
        self.start(daemon)
        daemon.control.register("owl")
        self.text("#connection", "Live")
        self.text(".task-row", "owl")
        self.assert_good_for_everyone("now")
        self.assert_nothing_wrong()


    def go(self, view):
        self.do(f"await page.goto('{self.url}#/{view}');")

    def test_a_picture_is_shown_small_and_whole_and_found_again(self):
        gateway = self.gateway("--picture", "png", "--picture-size", "1500KB")
        receiver = self.receiver("/shop")
        daemon = self.daemon_with_page(gateway)
        daemon.add_endpoint("shop", receiver.url + "/shop", receiver.secrets["/shop"][0])
        self.start(daemon)
        for n, prompt in enumerate(["a fox in the snow --ar 3:2", "an owl at night", "waves <b>under</b> the moon"]):
            gateway.make(f"task-{n}", duration="300ms", prompt=prompt, action="IMAGINE")
            daemon.control.register(f"task-{n}", {"metadata": {"order": 40 + n}})
        for n in range(3):
            self.assertEqual(daemon.control.get(f"/v1/tasks/task-{n}?wait=30s").json()["ending"], "succeeded")
        self.enter(daemon)
        self.go("gallery")
        self.do("await page.waitForFunction(() => document.querySelectorAll('.gallery img').length === 3 &&"
                " [...document.querySelectorAll('.gallery img')].every((one) => one.complete && one.naturalWidth === 480));")
        self.assert_good_for_everyone("gallery")
        self.do("await page.click('.gallery a[aria-label*=\"a fox in the snow\"]');")
        self.do("await page.waitForFunction(() => document.querySelector('.picture img')?.naturalWidth > 100);")
        self.text(".whole-prompt", "a fox in the snow --ar 3:2")
        self.text(".timeline", "Succeeded")
        self.text(".delivery-head", "task.succeeded")
        self.do("await page.click('.delivery summary');")
        self.text(".attempts", "204")
        self.do("await page.click('text=Copy path');")
        path = self.do("return await page.evaluate(() => navigator.clipboard.readText())")
        saved = Path(path).read_bytes()
        self.do("await page.click('.task-head >> text=Refresh');")
        self.text(".toast", "nothing to ask for")
        fetched = self.do("""
            const waiting = page.waitForEvent('download');
            await page.click('text=Download');
            const download = await waiting;
            return [download.suggestedFilename(), await download.path()];""")
        self.assertEqual(fetched[0], Path(path).name)
        self.assertEqual(Path(fetched[1]).read_bytes(), saved)
        self.assert_good_for_everyone("task")
        self.do("await page.click('nav >> text=Search'); await page.fill('[name=q]', 'night 41');"
                " await page.press('[name=q]', 'Enter');")
        self.text("[role=status].note", "1 found")
        self.assertEqual(self.do("return await page.locator('.result a').allInnerTexts()"), ["task-1"])
        self.do("await page.fill('[name=q]', ''); await page.selectOption('[name=state]', 'succeeded');"
                " await page.fill('[name=from]', new Date().toLocaleDateString('sv')); await page.click('text=Search >> nth=-1');")
        self.text("[role=status].note", "3 found")
        self.text(".results", "waves <b>under</b> the moon")
        self.assert_good_for_everyone("search")
        self.do("await page.fill('[name=to]', '2020-01-01'); await page.press('[name=to]', 'Enter');")
        self.text("[role=status].note", "Nothing found.")
        self.assert_nothing_wrong()

    def test_failures_come_with_their_reason_and_what_mends_them(self):
        gateway = self.gateway()
        working = []
        receiver = self.receiver("/shop", "/crm", decide=lambda arrival: 204 if working else 500)
        daemon = self.daemon_with_page(gateway, watch={"max_gap": "1s", "missing_grace": "1s", "stall_after": "1s"},
                                       webhooks={"retry": ["100ms"]})
        for name in ("shop", "crm"):
            daemon.add_endpoint(name, f"{receiver.url}/{name}", receiver.secrets["/" + name][0], name == "shop")
        self.start(daemon)
        daemon.control.need("POST", "/v1/endpoints/crm/disable", {"reason": "maintenance"})
        gateway.make("banned", duration="200ms", ending="FAILURE", prompt="what may not be drawn")
        gateway.make("stuck", duration="900s", prompt="a very slow picture")
        gateway.make("held", duration="200ms", ending="CANCEL")
        daemon.control.register("banned")
        daemon.control.register("stuck", {"webhooks": []})
        daemon.control.register("held", {"webhooks": ["crm"]})
        daemon.control.register("gone", {"webhooks": []})
        wait_until(lambda: daemon.control.deliveries("?state=dead") and daemon.control.deliveries("?state=held") and
                   daemon.control.task("gone")["ending"] == "lost" and daemon.control.task("stuck")["stalled"], 30,
                   "everything has failed in its way")
        self.enter(daemon)
        self.text(".badge", "2")
        self.do("await page.click('nav >> text=Failures');")
        for heading in ("Dead webhooks", "Held webhooks", "Lost tasks", "Stalled tasks", "Failed tasks"):
            self.text("h2", heading)
        self.do("await page.click('section:has(h2:has-text(\"Dead webhooks\")) summary');")
        self.text(".attempts", "500")
        self.assert_good_for_everyone("failures")
        working.append(True)
        self.do("await page.click('[aria-label^=\"Replay webhook\"]');")
        self.text(".toast", "is sent again to shop")
        wait_until(lambda: daemon.control.deliveries("?state=delivered"), 20, "the replayed webhook arrives")
        self.do("await page.click('text=Enable crm');")
        self.do("await page.waitForFunction(() => document.querySelectorAll('section:not([hidden])').length === 3 &&"
                " document.getElementById('failures-count').hidden);")
        gateway.make("gone", duration="900s")
        self.do("await page.click('text=Watch again');")
        self.text(".toast", "Watching gone again")
        wait_until(lambda: daemon.control.task("gone")["status"] in ("SUBMITTED", "IN_PROGRESS"), 20, "it is watched")
        self.do("await page.click('text=Ask now');")
        self.text(".toast", "Asking the gateway for stuck")
        self.assert_nothing_wrong()

    @of_sqlite("making thousands of rows")
    def test_a_gallery_of_thousands_shows_only_what_is_near(self):
        gateway = self.gateway("--picture", "webp", "--picture-size", "20KB")
        daemon = self.start(self.daemon_with_page(gateway))
        gateway.make("seed", duration="1ms", prompt="one of many")
        daemon.control.register("seed")
        self.assertEqual(daemon.control.get("/v1/tasks/seed?wait=30s").json()["ending"], "succeeded")
        daemon.stop()
        multiply_task(self.folder / "state" / "mjwatchd.db", 3000)
        self.start(daemon)
        self.enter(daemon)
        self.go("gallery")
        self.do("await page.waitForSelector('.gallery img');")
        most = self.do("""
            let most = 0;
            for (const end = Date.now() + 60000; Date.now() < end;) {
              await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
              most = Math.max(most, await page.locator('.gallery li').count());
              if (/^3,001 tasks,/.test(await page.locator('p.note[role=status]').innerText())) return most;
              await page.waitForTimeout(30);
            }
            throw new Error('not all came: ' + await page.locator('p.note[role=status]').innerText());""", seconds=90)
        self.assertLess(most, 150)
        # The list may still grow after a scroll: its end is where scrolling moves no more.
        last = self.do("""
            for (const end = Date.now() + 60000; Date.now() < end;) {
              await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
              if (await page.locator('[aria-posinset="3001"]').count()) break;
              await page.waitForTimeout(100);
            }
            return await page.locator('.gallery [aria-posinset="3001"] a').getAttribute('href');""", seconds=90)
        self.assertEqual(last, "#/task/gw/seed-3000")
        self.assert_nothing_wrong()

    def test_a_film_has_an_icon_and_plays(self):
        gateway = self.gateway("--picture", "mp4", "--picture-size", "20KB")
        daemon = self.start(self.daemon_with_page(gateway))
        gateway.make("film", duration="1ms", action="VIDEO", prompt="waves that move")
        daemon.control.register("film", {"save": "video"})
        self.assertEqual(daemon.control.get("/v1/tasks/film?wait=30s").json()["ending"], "succeeded")
        self.enter(daemon)
        self.go("gallery")
        self.do("await page.waitForSelector('.gallery svg.film'); await page.click('.gallery a');")
        self.do("await page.waitForFunction(() => document.querySelector('video')?.readyState >= 1);")
        self.assert_nothing_wrong()

    def test_plots_draw_a_day(self):
        daemon = self.start(self.daemon_with_page(self.gateway()))
        self.enter(daemon)
        self.go("plots")
        self.text(".empty", "The first minute is not over yet")
        # A day can't be waited for: the figures are put in the daemon's place.
        minutes = range(1440)
        delays = [None if m % 97 < 20 else 1.2 + 0.8 * math.sin(m / 60) + (6 if m % 211 == 0 else 0) for m in minutes]
        history = {"step_s": 60, "gateways": [{
            "name": "gw", "at": [1_795_000_000_000 + m * 60_000 for m in minutes],
            "calls": [int(14 + 9 * math.sin(m / 90)) for m in minutes],
            "failed_calls": [4 if m % 300 > 290 else 0 for m in minutes],
            "ends": [0 if d is None else 3 for d in delays], "delay_mean_s": delays,
            "delay_p95_s": [d and d * 2.2 for d in delays]}]}
        gateways = daemon.control.need("GET", "/v1/gateways")
        gateways["gateways"][0]["expects"] = [
            {"action": "IMAGINE", "median_s": 41.2, "p90_s": 78.0}, {"action": "UPSCALE", "median_s": 12.5, "p90_s": 21.0},
            {"action": "VIDEO", "median_s": 148.0, "p90_s": None}, {"action": "DESCRIBE", "median_s": None, "p90_s": None}]
        for path, body in (("history", history), ("gateways", gateways)):
            self.do(f"await page.route('**/v1/{path}', (route) => route.fulfill({{ json: {json.dumps(body)} }}));")
        self.do("await page.click('nav >> text=Now'); await page.click('nav >> text=Plots');")
        self.text("figcaption", f"{sum(history['gateways'][0]['calls']):,} calls")
        self.text(".spans", "half within 41 s, nine of ten within 78 s")
        self.assertEqual(self.do("return await page.locator('svg.chart').count()"), 2)
        self.assertEqual(self.do("return await page.locator('.spans dt').allInnerTexts()"), ["UPSCALE", "IMAGINE", "VIDEO"])
        self.assert_good_for_everyone("plots")
        self.assert_nothing_wrong()


if __name__ == "__main__":
    browser.need()
    main()
