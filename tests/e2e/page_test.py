"""The page in a real browser: Chromium through playwright-core, judged by axe-core."""

import json
import os
from pathlib import Path

from rig import browser
from rig.case import Case, main
from rig.daemon import write_private
from rig.program import free_port, run

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
        self.do("tools.problems.length = 0; tools.requests.length = 0; tools.transferred = 0;")

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

    def test_progress_moves_and_the_connection_is_lost_and_regained(self):
        gateway = self.gateway("--picture", "png", "--picture-size", "60KB")
        daemon = self.daemon_with_page(gateway)
        daemon.add_endpoint("shop", self.receiver("/shop").url + "/shop", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
        self.start(daemon)
        self.enter(daemon)
        self.assertLess(self.do("return tools.transferred"), FIRST_VIEW_BYTES)
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


if __name__ == "__main__":
    browser.need()
    main()
