"""Runs tasks that take turns at every call of a port, in virtual time, in an order from one seed.

A task is a greenlet: Hoist's own code, which the scheduler interrupts inside a call. There are no
threads and no real waiting, so a seed always has the same story.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any, NoReturn

from greenlet import GreenletExit, getcurrent, greenlet

# Milliseconds between two turns, at most.
TURN = 20


class Crashed(Exception):
    """A task died in the middle of a call; its `ended` callback gets this error."""


class Task(greenlet):  # type: ignore[misc] # greenlet has no types
    """Work that the scheduler can interrupt, and that dies at its deadline."""

    def __init__(
        self, name: str, work: Callable[[], object], ended: Callable[[BaseException | None], None]
    ) -> None:
        super().__init__(self._run)
        self.name = name
        self.deadline: datetime | None = None
        self.is_dead = False
        self._work, self.ended = work, ended

    def _run(self) -> None:
        try:
            self._work()
        except GreenletExit:
            return
        except Exception as error:  # noqa: BLE001 - the callback decides
            self.ended(error)
        else:
            self.ended(None)


class Scheduler:
    """Runs the tasks and timers of one seed; `now` is the clock, `story` the list of events.

    At most `turn` milliseconds pass between two turns. A scheduler that does not `remember` has no
    story, and `close` has nothing to do.
    """

    def __init__(
        self, seed: int, start: datetime, turn: int = TURN, *, remembers: bool = True
    ) -> None:
        self.random = Random(seed)
        self._turn = turn
        self.time = start
        most = None if remembers else 0
        self.story: deque[tuple[datetime, str, Any]] = deque(maxlen=most)
        self._ready: list[Task] = []
        self._timers: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._tasks: deque[Task] = deque(maxlen=most)
        self._hub = getcurrent()
        self._is_over = False
        # Called with every task that dies.
        self.on_death: Callable[[Task], None] = lambda _: None

    def now(self) -> datetime:
        return self.time

    def say(self, text: str) -> None:
        """Add a line to the story."""
        current = getcurrent()
        self.story.append((self.time, current.name if isinstance(current, Task) else "", text))

    def start(
        self,
        name: str,
        work: Callable[[], object],
        *,
        ended: Callable[[BaseException | None], None] = lambda _: None,
        seconds: float | None = None,
    ) -> Task:
        """Start a task, which dies after `seconds` unless it has ended."""
        task = Task(name, work, ended)
        self._tasks.append(task)
        self._ready.append(task)
        if seconds is not None:
            task.deadline = self.time + timedelta(seconds=seconds)
        return task

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run an action after `seconds`."""
        moment = self.time + timedelta(seconds=seconds)
        heapq.heappush(self._timers, (moment, next(self._order), action))

    def turn(self, *, may_end: bool = True) -> None:
        """Let other tasks run; a task calls this in the middle of a call.

        Without `may_end` the call is running inside a service, which does not die with the task.
        """
        task = self.current()
        if self._ready or (self._timers and self._timers[0][0] <= self.time):
            self._ready.append(task)
            self._hub.switch()
        else:
            self._tick()
        if may_end:
            self._check(task)

    def sleep(self, seconds: float) -> None:
        """Let time pass for the running task; it dies if its deadline comes first."""
        task = self.current()
        if task.deadline is not None:
            seconds = min(seconds, (task.deadline - self.time).total_seconds() + 0.001)
        self.later(max(0.0, seconds), lambda: self._ready.append(task))
        self._hub.switch()
        self._check(task)

    def crash(self) -> None:
        """Let the running task die here."""
        self.say("dies")
        self._end(self.current())

    def run(self) -> None:
        """Run until there are no tasks and no timers."""
        while self._ready or self._timers:
            if not self._ready or (self._timers and self._timers[0][0] <= self.time):
                moment, _, action = heapq.heappop(self._timers)
                self.time = max(self.time, moment)
                action()
                continue
            self._tick()
            task = self._ready.pop(self.random.randrange(len(self._ready)))
            task.switch()

    def _tick(self) -> None:
        if self._turn:
            self.time += timedelta(milliseconds=1 + int(self.random.random() * self._turn))

    def close(self) -> None:
        """End the greenlets of dead tasks; a port that they call raises GreenletExit."""
        self._is_over = True
        for task in self._tasks:
            if not task.dead and task:
                task.throw(GreenletExit)

    def current(self) -> Task:
        """The running task."""
        current = getcurrent()
        if self._is_over:
            raise GreenletExit
        assert isinstance(current, Task), "only tasks take turns"
        return current

    def _check(self, task: Task) -> None:
        """Let a task die that is past its deadline."""
        if self._is_over or task.is_dead:
            raise GreenletExit
        if task.deadline is not None and self.time >= task.deadline:
            self.say("times out")
            self._end(task)

    def _end(self, task: Task) -> NoReturn:
        """End a task so that none of its code runs again, like a killed process."""
        task.is_dead = True
        self.on_death(task)
        task.ended(Crashed(task.name))
        self._hub.switch()
        raise GreenletExit
