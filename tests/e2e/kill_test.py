"""kill -9 at each step of a picture into its folder: no half picture under a final name, no part file after a restart,
and the picture is told once, always under one id. The steps are points in a preloaded library (faults/faults.c)."""

import hashlib
from pathlib import Path

from rig import pictures
from rig.case import Case, main
from rig.faults import Faults
from rig.picture_server import PictureServer
from rig.program import wait_until

PICTURE = pictures.make_png(600_000)
PIECES = 10
# Where it dies, the how-manieth time; whether the part file, and the picture, lie in the folder then.
STEPS = [
    ("before-picture", 1, False, False),
    ("after-picture", 1, True, False),
    ("picture-written", 1, True, False),
    ("picture-written", 3, True, False),
    ("picture-synced", 1, True, False),
    ("before-rename", 1, True, False),
    ("after-rename", 1, False, True),
    ("folder-synced", 2, False, True),  # the first is of the folder above, in which gw was made
]


class KillTest(Case):
    def setUp(self):
        super().setUp()
        self.gateway_ = self.gateway("--picture", "png")
        self.server = PictureServer(self.answer)
        self.addCleanup(self.server.close)
        self.receiver_ = self.receiver("/app")

    def answer(self, handler):
        """In pieces, each of which is written by itself."""
        handler.begin(Content_Length=len(PICTURE), Content_Type="image/png", ETag='"one"')
        size = len(PICTURE) // PIECES + 1
        for at in range(0, len(PICTURE), size):
            handler.wfile.write(PICTURE[at:at + size])
            handler.pause()

    def life(self, name):
        self.daemon_ = self.daemon(self.gateway_, folder=self.folder / name)
        self.daemon_.add_endpoint("app", self.receiver_.url + "/app", self.receiver_.secrets["/app"][0])
        self.server.serve(self.daemon_, self.gateway_)
        self.faults = Faults(self.daemon_.folder)
        self.addCleanup(self.faults.close)
        self.start(self.daemon_, environment=self.faults.environment())

    def files(self):
        return [path for path in self.daemon_.pictures.rglob("*") if path.is_file()]

    def parts(self):
        return [path for path in self.files() if path.name.endswith(".part")]

    def whole(self):
        return [path for path in self.files() if not path.name.endswith(".part")]

    def told(self, task):
        return [arrival for arrival in self.receiver_.taken("/app") if arrival.json()["data"]["id"] == task]

    def test_each_step(self):
        for number, (point, nth, part, picture) in enumerate(STEPS):
            with self.subTest(point, nth=nth):
                self.one(f"t{number}", point, nth, part, picture)

    def one(self, task, point, nth, part, picture):
        self.life(task)
        self.faults.die_at(point, nth)
        self.gateway_.make(task, duration="1ms")
        self.assertEqual(self.daemon_.control.register(task).status, 201)
        wait_until(lambda: not self.daemon_.program.running(), 30, f"it dies at {point}")
        self.assertEqual(self.faults.killed(), 1)
        self.assertEqual((len(self.parts()), len(self.whole())), (part, picture))
        self.assertEqual([path.read_bytes() == PICTURE for path in self.whole()], [True] * picture)
        self.assertEqual(self.told(task), [], "told before it was in place")
        self.faults.mend()
        self.start(self.daemon_, environment=self.faults.environment())
        view = wait_until(lambda: (view := self.daemon_.control.task(task))["ending"] and view, 30, "it ends")
        [image] = view["images"]
        self.assertEqual(image["sha256"], hashlib.sha256(PICTURE).hexdigest())
        self.assertEqual(Path(image["path"]).read_bytes(), PICTURE)
        wait_until(lambda: not self.parts(), 20, "no part file is left")
        self.assertEqual([str(path) for path in self.whole()], [image["path"]])
        wait_until(lambda: self.daemon_.control.deliveries("?state=delivered"), 20, "it is told")
        told = self.told(task)
        self.assertEqual([arrival.json()["type"] for arrival in told], ["task.succeeded"])
        [delivery] = self.daemon_.control.deliveries()
        self.assertEqual(told[0].webhook_id, delivery["webhook_id"])
        self.assertEqual(told[0].json()["data"]["images"], view["images"])
        self.daemon_.kill()


if __name__ == "__main__":
    main()
