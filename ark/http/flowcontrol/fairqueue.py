"""
The queues of a priority level, and which request of them is next.

Fair queuing as C{k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing/queueset} describes it: each queue
has a virtual time at which its next request would begin were all queues served a bit at a time,
and the one whose request would end first goes first.  How long a request runs is not known
before; a guess is put right when it ends.

What there is to know of a level is kept up to date by each step, so that a request that need not wait
costs the same however many queues there are.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred

from ark.http.flowcontrol.configuration import PriorityLevel
from ark.http.flowcontrol.dropped import RetryAfter
from ark.http.flowcontrol.measures import FlowMeasures

GUESS = 0.003
"""How many seconds a request is thought to run for before it did."""


class Queue:
    """
    Where requests of some flows wait.

    @ivar next_start: the virtual time at which its next request begins.
    @ivar running: how many requests of it are served now.
    @ivar waiting: those that wait, the oldest first.
    @ivar work: the seats that they want.
    """

    __slots__ = ("next_start", "running", "waiting", "work")

    def __init__(self) -> None:
        self.next_start = 0.0
        self.running = 0
        self.waiting: deque[Turn] = deque()
        self.work = 0


class Turn:
    """
    A request: it waits for its turn, has seats, and is over.

    @ivar seats: how many it has or wants; C{0} once it is over.
    @ivar since: when it began to wait, or to be served.
    @ivar arrived: the virtual time at which it came.
    @ivar waiting: fires when its turn has come; L{None} when it need not wait.
    """

    __slots__ = ("arrived", "level", "measures", "queue", "seats", "since", "waiting")

    def __init__(self, level: Level, measures: FlowMeasures, seats: int, since: float) -> None:
        self.level = level
        self.measures = measures
        self.queue: Queue | None = None
        self.seats = seats
        self.since = since
        self.arrived = 0.0
        self.waiting: Deferred[None] | None = None


class Level:
    """
    A priority level at work.

    @ivar exempt: whether nothing in it ever waits.
    @ivar nominal: the seats that are its own.
    @ivar lower: those of them that it never lends.
    @ivar upper: how many it may have with those of others.
    @ivar widest: how many one request may take.
    @ivar in_use: the seats taken.
    @ivar waiting: how many requests wait.
    @ivar dealt: the queues now; those of before are served until they are empty.
    """

    def __init__(self, config: PriorityLevel, now: float) -> None:
        self.in_use = 0
        self.waiting = 0
        self.retry_after = RetryAfter()
        self._virtual = 0.0
        self._synced = now
        self._active = 0
        self._wanted = 0
        self._next = 0
        # The order is that in which queues of equal right are served.
        self._backlogged: dict[Queue, None] = {}
        self.dealt: list[Queue] = []
        self.configure(config)
        self.limit(0, 0)

    def configure(self, config: PriorityLevel) -> None:
        """
        Work as C{config} says from now on.  Who waits already goes on to.
        """
        self.config = config
        self.exempt = config.exempt
        number = config.queues
        self.dealt = self.dealt[:number] + [Queue() for _ in range(number - len(self.dealt))]

    def limit(self, nominal: int, total: int) -> None:
        """
        Have C{nominal} seats out of a server's C{total}.
        """
        config = self.config
        self.nominal = nominal
        self.lower = nominal - round(nominal * config.lendable / 100)
        borrowed = total if config.borrowing is None else round(nominal * config.borrowing / 100)
        self.upper = min(total, nominal + borrowed)
        self.widest = max(1, min(int(0.15 * nominal), nominal // config.hand if config.hand else nominal))

    def _sync(self, now: float) -> None:
        """
        Let virtual time pass, faster the more seats there are for each active queue.
        """
        if self._active:
            nominal, in_use, wanted = self.nominal, self.in_use, self._wanted
            served = nominal if nominal > in_use else in_use
            elapsed = now - self._synced
            self._virtual += elapsed * (wanted if wanted < served else served) / self._active
        self._synced = now

    def begin(self, turn: Turn, hand: tuple[int, ...], now: float) -> None:
        """
        Serve a request at once.
        """
        self._sync(now)
        seats = turn.seats
        self.in_use += seats
        self._wanted += seats
        if not hand:
            return
        self._next += 1
        queue = self.dealt[hand[self._next % len(hand)]]
        if not queue.running and not queue.waiting:
            self._active += 1
            queue.next_start = self._virtual
        queue.running += 1
        queue.next_start += seats * GUESS
        turn.queue = queue

    def enqueue(self, turn: Turn, hand: tuple[int, ...], now: float) -> bool:
        """
        Let a request wait in the shortest queue of its flow's.

        @return: whether there was place for it.
        """
        if not hand:
            return False
        self._sync(now)
        self._next += 1
        offset = self._next
        size = len(hand)
        queue = min(
            (self.dealt[hand[(offset + place) % size]] for place in range(size)), key=lambda one: one.work
        )
        if len(queue.waiting) >= self.config.length:
            return False
        if not queue.running and not queue.waiting:
            self._active += 1
            queue.next_start = self._virtual
        if not queue.waiting:
            self._backlogged[queue] = None
        turn.queue = queue
        turn.arrived = self._virtual
        queue.waiting.append(turn)
        queue.work += turn.seats
        self.waiting += 1
        self._wanted += turn.seats
        return True

    def head(self) -> Turn | None:
        """
        The request that is next.
        """
        best = None
        end = 0.0
        for queue in self._backlogged:
            turn = queue.waiting[0]
            ends = queue.next_start + turn.seats * GUESS
            if best is None or ends < end:
                best, end = turn, ends
        return best

    def dispatch(self, turn: Turn, now: float) -> None:
        """
        Serve a request that has waited.
        """
        self._sync(now)
        queue = turn.queue
        assert queue is not None
        self._leave_queue(turn, queue)
        if queue.waiting:
            # Behind all others that are due at the same time.
            del self._backlogged[queue]
            self._backlogged[queue] = None
        queue.running += 1
        queue.next_start += turn.seats * GUESS
        self.in_use += turn.seats
        self._bound(queue)

    def withdraw(self, turn: Turn, now: float) -> None:
        """
        A request waits no more.
        """
        self._sync(now)
        queue = turn.queue
        assert queue is not None
        self._leave_queue(turn, queue)
        self._wanted -= turn.seats
        if not queue.running and not queue.waiting:
            self._active -= 1
        self._bound(queue)

    def end(self, turn: Turn, now: float) -> None:
        """
        A request was served.
        """
        self._sync(now)
        seats, queue = turn.seats, turn.queue
        self.in_use -= seats
        self._wanted -= seats
        if queue is None:
            return
        queue.running -= 1
        if queue.running or queue.waiting:
            queue.next_start += seats * (now - turn.since - GUESS)
            self._bound(queue)
        else:
            self._active -= 1

    def _leave_queue(self, turn: Turn, queue: Queue) -> None:
        queue.waiting.remove(turn)
        queue.work -= turn.seats
        self.waiting -= 1
        if not queue.waiting:
            del self._backlogged[queue]

    def _bound(self, queue: Queue) -> None:
        """
        Nothing begins before it came: credit for being idle is not kept.
        """
        if queue.waiting and queue.next_start < queue.waiting[0].arrived:
            queue.next_start = queue.waiting[0].arrived
