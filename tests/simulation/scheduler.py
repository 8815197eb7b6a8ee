"""Who runs next: tasks that take turns at every call of a port, in virtual time, from one seed.

A task is a greenlet: plain code of the product that the scheduler interrupts inside a call. There
are no threads and nobody sleeps, so a seed always tells the same story.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any, NoReturn

from greenlet import GreenletExit, getcurrent, greenlet

# Milliseconds that pass between two turns, at the most.
TURN = 20


class Crashed(Exception):
    """A task died in the middle of a call; whoever started it is told."""


class Task(greenlet):
    """A piece of work that can be interrupted, and can die at its deadline."""

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
        except Exception as error:  # noqa: BLE001 - whoever started the task decides
            self.ended(error)
        else:
            self.ended(None)


class Scheduler:
    """Runs tasks and timers of one seed; `now` is the clock, `story` what happened.

    Between two turns pass `turn` milliseconds at the most. What it does not remember, it cannot
    tell, and it has nothing to close.
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
        # Is told of every task that dies.
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
        """Begin a task, which dies after so many seconds if it is not done by then."""
        task = Task(name, work, ended)
        self._tasks.append(task)
        self._ready.append(task)
        if seconds is not None:
            task.deadline = self.time + timedelta(seconds=seconds)
        return task

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something when so many seconds have passed."""
        moment = self.time + timedelta(seconds=seconds)
        heapq.heappush(self._timers, (moment, next(self._order), action))

    def turn(self, *, may_end: bool = True) -> None:
        """Let others run; called by a task in the middle of a call.

        Where it may not end, the call is at work in a service, which does not die with the task.
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
        """Let time pass for a task; it dies at its deadline if that comes first."""
        task = self.current()
        if task.deadline is not None:
            seconds = min(seconds, (task.deadline - self.time).total_seconds() + 0.001)
        self.later(max(0.0, seconds), lambda: self._ready.append(task))
        self._hub.switch()
        self._check(task)

    def crash(self) -> None:
        """The task that is running dies here."""
        self.say("dies")
        self._end(self.current())

    def run(self) -> None:
        """Run until nothing is left to do."""
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
        """End what is left of dead tasks; their code finds every port closed."""
        self._is_over = True
        for task in self._tasks:
            if not task.dead and task:
                task.throw(GreenletExit)

    def current(self) -> Task:
        """The task that is running."""
        current = getcurrent()
        if self._is_over:
            raise GreenletExit
        assert isinstance(current, Task), "only tasks take turns"
        return current

    def _check(self, task: Task) -> None:
        """A task that has no more time dies before it does anything else."""
        if self._is_over or task.is_dead:
            raise GreenletExit
        if task.deadline is not None and self.time >= task.deadline:
            self.say("runs out of time")
            self._end(task)

    def _end(self, task: Task) -> NoReturn:
        """Nothing of a task runs any more, as when a process is killed."""
        task.is_dead = True
        self.on_death(task)
        task.ended(Crashed(task.name))
        self._hub.switch()
        raise GreenletExit
