"""The ledger: what was acknowledged, and the writes of which nobody knows.

A fact is a key and its value (None: it is not there). A write changes some facts at once, so whatever happens, all
of its facts are new or all of them old; every other fact is what the ledger says.

A write is in doubt when the server died under it, and also when it was refused because the store failed and the
server died before anything was written after it: its bytes may have reached the disk. As long as the server that
refused it lives, and as soon as anything else was acknowledged, it has not happened.
"""

import threading

from storm import Down, Refused


class Wrong(AssertionError):
    pass


class Ledger:
    def __init__(self, name):
        self.name = name
        self.facts = {}
        self.doubts = []  # facts of writes that are under way or were refused
        self.writes = 0   # acknowledged
        self.refusals = 0

    def keys(self):
        return set(self.facts).union(*self.doubts)

    def write(self, facts, function):
        """Carries out a write that makes these facts; what the function returns."""
        self.doubts.append(facts)
        try:
            reply = function()
        except Refused:
            self.refusals += 1
            raise
        self.facts.update(facts)
        self.doubts.clear()
        self.writes += 1
        return reply

    def settle(self, found, is_same_server=False):
        """`found` holds what there is now, for all keys that it should be compared for and no others."""
        doubts, self.doubts = self.doubts, []
        for facts in [] if is_same_server else doubts:
            self._settle_doubt(facts, found)
        wrong = {key: (value, found[key]) for key, value in self.facts.items() if key in found and found[key] != value}
        if wrong:
            key, (due, got) = next(iter(wrong.items()))
            raise Wrong(f"{self.name}: {len(wrong)} facts are wrong, the first is {key}: acknowledged {due}, there is {got}")
        extra = {key for key, value in found.items() if value is not None and key not in self.facts}
        if extra:
            raise Wrong(f"{self.name}: nobody wrote {sorted(map(str, extra))[:5]}")

    def _settle_doubt(self, facts, found):
        if all(found.get(key) == value for key, value in facts.items()):
            self.facts.update(facts)
        elif any(found.get(key) != self.facts.get(key) for key in facts):
            there = {key: found.get(key) for key in facts}
            raise Wrong(f"{self.name}: a write is half there: {facts} became {there}")


class Writer:
    """Makes one write after the other and can look at what there is. Its ledger outlives it."""

    def __init__(self, server, ledger, dice):
        self.server, self.ledger, self.dice = server, ledger, dice

    def write(self):
        raise NotImplementedError

    def observe(self):
        """{key: value} of what there is now."""
        raise NotImplementedError

    def settle(self, is_same_server=False):
        self.ledger.settle(self.observe(), is_same_server)


class Busy(threading.Thread):
    """Lets a writer write until the server is gone, or it is told to stop."""

    def __init__(self, writer, pause=0.0):
        super().__init__()
        self.writer = writer
        self.pause = pause
        self.problem = None
        self.down = None
        self.enough = threading.Event()

    def run(self):
        try:
            while not self.enough.is_set():
                try:
                    self.writer.write()
                except Refused:
                    self.enough.wait(0.02)
                self.enough.wait(self.pause)
        except Down as down:
            self.down = down
        except Exception as problem:  # noqa: BLE001: told by whoever joins
            self.problem = problem

    def check(self):
        """A server that is there must not be silent."""
        if self.down and self.writer.server.process:
            raise Wrong(f"{self.writer.ledger.name}: {self.down}") from self.down
        if self.problem:
            raise self.problem

    def finish(self):
        """Waits for the end; what went wrong meanwhile is raised."""
        self.enough.set()
        self.join()
        self.check()
