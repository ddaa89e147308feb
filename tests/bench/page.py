"""How fast the page is: its first view, and a gallery of many pictures.

    page.py [--pictures N]

The first view is timed in Chromium by its own clock, from the navigation until the live tasks stand in the page, with
the daemon and the browser on this machine and nothing cached; the median of 15 loads. The gallery is
scrolled to its very end. Ends with 1 when the first view takes 200 ms or more, or 100 KB or more.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from rig import browser  # noqa: E402
from rig.daemon import Daemon, write_private  # noqa: E402
from rig.gateway import Gateway  # noqa: E402
from rig.many import multiply_task  # noqa: E402
from rig.program import free_port, run, wait_until  # noqa: E402

LOADS, LIVE = 15, 20
AIM_MS, AIM_BYTES = 200, 100_000

FIRST_VIEW = """
await page.goto('about:blank');
const devtools = await page.context().newCDPSession(page);
await devtools.send('Network.clearBrowserCache');
tools.forgetTransferred();
await page.goto(%s);
await page.waitForFunction((n) => window.shownAt && document.querySelectorAll('.task-row').length === n, %d);
const painted = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
return [painted, await page.evaluate(() => window.shownAt)];
"""
SCROLL = """
const begin = Date.now();
await page.evaluate(() => {
  window.longest = 0;
  let last = performance.now();
  const look = (now) => {
    window.longest = Math.max(window.longest, now - last);
    last = now;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
let elements = 0;
for (let note = ''; !note.startsWith('%s tasks,');) {
  elements = Math.max(elements, await page.evaluate(() => {
    scrollTo(0, document.documentElement.scrollHeight);
    return document.querySelectorAll('.gallery li').length;
  }));
  await page.waitForTimeout(10);
  note = await page.innerText('p.note[role=status]');
  if (Date.now() - begin > 80000) throw new Error('after 80 s: ' + note);
}
const memory = await page.evaluate(() => performance.memory.usedJSHeapSize);
return { seconds: (Date.now() - begin) / 1000, elements, longest: await page.evaluate(() => window.longest), memory };
"""


def link(daemon):
    return run(["mjwatch", "--socket", daemon.socket, "page"]).stdout.strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=100_000)
    pictures = parser.parse_args().pictures
    browser.need()
    folder = Path(tempfile.mkdtemp(prefix="mjbench-", dir="/tmp"))
    gateway = Gateway(folder, "--picture", "webp", "--picture-size", "40KB")
    daemon = Daemon(folder, gateway.url)
    write_private(folder / "control.token", "a-token-for-the-benchmark\n")
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    daemon.config["control"].update({"listen": f"127.0.0.1:{port}", "token_file": "control.token"})
    chromium = None
    try:
        daemon.start()
        gateway.make("seed", duration="1ms", prompt="long waves under the moon --ar 3:2")
        daemon.control.register("seed")
        daemon.control.get("/v1/tasks/seed?wait=30s")
        daemon.stop()
        multiply_task(folder / "state" / "mjwatchd.db", pictures - 1)
        daemon.start()
        for number in range(LIVE):
            gateway.make(f"live-{number}", duration="3000s", prompt="long waves under the moon --ar 3:2 --v 7")
            daemon.control.register(f"live-{number}", {"metadata": {"order": number}})
        wait_until(lambda: all(task["task"] for task in daemon.control.need("GET", "/v1/tasks?active=true")["tasks"]), 30,
                   "all live tasks are seen")
        chromium = browser.Browser(folder)
        # When the last live task stands in the page and the frame with it is about to be shown.
        chromium.do("await page.addInitScript((n) => {"
                    " const look = () => document.querySelectorAll('.task-row').length >= n"
                    " ? (window.shownAt = performance.now()) : requestAnimationFrame(look); look(); }, %d);" % LIVE)
        chromium.do(f"await page.goto({json.dumps(link(daemon))}); await page.waitForSelector('.tiles');")
        times, sizes = [], []
        for _ in range(LOADS):
            times.append(chromium.do(FIRST_VIEW % (json.dumps(url), LIVE)))
            sizes.append(chromium.do("return tools.transferred()"))
        paint, first = (statistics.median(column) for column in zip(*times))
        size = max(sizes)
        print(f"first view, nothing cached: frame painted after {paint:.0f} ms, all of {LIVE} live tasks after "
              f"{first:.0f} ms (medians of {LOADS}), {size / 1000:.1f} KB")
        chromium.do("await page.click('nav >> text=Gallery'); await page.waitForSelector('.gallery img');")
        made = chromium.do(SCROLL % f"{pictures:,}", seconds=100)
        print(f"gallery of {pictures:,}: scrolled to its end in {made['seconds']:.1f} s, never more than "
              f"{made['elements']} pictures as elements, longest frame {made['longest']:.0f} ms, "
              f"{made['memory'] / 1e6:.0f} MB of the page's memory")
        return 0 if first < AIM_MS and size < AIM_BYTES else 1
    finally:
        if chromium:
            chromium.close()
        for program in (daemon.program, gateway.program):
            if program and program.running():
                program.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
