"""Jobs and dead letters in the staff's schema."""

from datetime import datetime
from uuid import UUID

import strawberry

from koipond.delivery import service
from koipond.kernel import letters
from koipond.kernel.ids import JobId, decode, encode
from koipond.kernel.jobs import JobState
from koipond.kernel.letters import LetterKind
from koipond.kernel.pages import FIRST_DEFAULT, page
from koipond.kernel.schema import (
    Api,
    Connection,
    Info,
    Mutation,
    Query,
    UserError,
    connect,
    mutation,
    needs,
    query,
)

strawberry.enum(LetterKind, name="DeadLetterKind")
strawberry.enum(JobState)

READ = needs("event.read")
WRITE = needs("event.write")


@strawberry.type(description="An event that somebody failed to hear of, or a job, after all tries.")
class DeadLetter:
    id: strawberry.ID = strawberry.field(description="For retryDeadLetter and skipDeadLetter")
    kind: LetterKind
    name: str = strawberry.field(description="Of the event or the job")
    consumer: str | None = strawberry.field(description="Who was to hear of it: a plugin's name")
    attempts: int
    problem: str = strawberry.field(description="What went wrong the last time")
    died_at: datetime
    waiting: int = strawberry.field(
        description="How many later events of the same thing wait for this one"
    )

    @classmethod
    def of(cls, found: letters.DeadLetter) -> "DeadLetter":
        """Wrap a dead letter."""
        return cls(
            id=strawberry.ID(found.id),
            kind=found.kind,
            name=found.name,
            consumer=found.consumer or None,
            attempts=found.attempts,
            problem=found.problem,
            died_at=found.died_at,
            waiting=found.waiting,
        )


@strawberry.type(description="A job at work.")
class RunningJob:
    id: strawberry.ID
    name: str
    attempts: int
    done: int | None = strawberry.field(description="Of `total`; null if it does not tell")
    total: int | None
    worker: str
    asked_at: datetime

    @classmethod
    def of(cls, found: letters.RunningJob) -> "RunningJob":
        """Wrap a job."""
        return cls(
            id=strawberry.ID(encode(JobId, JobId(found.id))),
            name=found.kind,
            attempts=found.attempts,
            done=found.done if found.total else None,
            total=found.total or None,
            worker=found.worker,
            asked_at=found.created_at,
        )


@strawberry.type(description="Something that a worker is to do; one that is done is not there.")
class Job:
    id: strawberry.ID
    name: str
    state: JobState
    attempts: int
    attempts_max: int
    run_at: datetime = strawberry.field(description="Not before")
    asked_at: datetime
    failed_at: datetime | None
    problem: str = strawberry.field(description="Of the last attempt that failed; may be empty")
    done: int | None = strawberry.field(description="Of `total`; null if it does not tell")
    total: int | None
    worker: str | None = strawberry.field(description="Who is at work on it")

    @classmethod
    def of(cls, found: letters.SeenJob) -> "Job":
        """Wrap a job."""
        return cls(
            id=strawberry.ID(encode(JobId, found.id)),
            name=found.kind,
            state=found.state,
            attempts=found.attempts,
            attempts_max=found.attempts_max,
            run_at=found.run_at,
            asked_at=found.created_at,
            failed_at=found.failed_at,
            problem=found.problem,
            done=found.done if found.total else None,
            total=found.total or None,
            worker=found.worker or None,
        )


@strawberry.input(description="All that is given must fit.")
class JobFilter:
    state: JobState | None = None
    name: str | None = None


@strawberry.input
class JobInput:
    job_id: strawberry.ID


@strawberry.type
class RetryJobPayload:
    job: Job | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class CancelJobPayload:
    job: Job | None = strawberry.field(default=None, description="As it was")
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.input
class DeadLetterInput:
    id: strawberry.ID


@strawberry.type
class RetryDeadLetterPayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class SkipDeadLetterPayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class DeliveryQueries:
    @query(READ)
    async def dead_letters(
        self, info: Info, first: int | None = FIRST_DEFAULT, after: str | None = None
    ) -> Connection[DeadLetter]:
        """What failed as often as it may, and waits for people; the latest first."""
        ctx = info.context
        found = await service.find_dead(ctx, page(first, after, shape=(datetime, UUID, str)))
        return connect(
            found,
            DeadLetter.of,
            behind=after is not None,
            count=lambda: service.count_dead(ctx),
        )

    @query(READ)
    async def running_jobs(self, info: Info) -> list[RunningJob]:
        """The jobs at work, the oldest first."""
        return [RunningJob.of(one) for one in await service.find_running(info.context)]

    @query(READ)
    async def jobs(
        self,
        info: Info,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
        filter: JobFilter | None = None,  # the field's name
    ) -> Connection[Job]:
        """What workers are to do, do, or have failed to do; the latest asked for first."""
        wanted = filter or JobFilter()
        asked = page(first, after, shape=(UUID,))
        found = await service.find_jobs(info.context, asked, state=wanted.state, name=wanted.name)
        return connect(found, Job.of, behind=after is not None)

    @query(READ)
    async def job(self, info: Info, id: strawberry.ID) -> Job | None:
        """A job; null if it is done, or never was one."""
        found = await service.find_job(info.context, decode(JobId, id))
        return None if found is None else Job.of(found)


@strawberry.type
class DeliveryMutations:
    @mutation(WRITE)
    async def retry_job(self, info: Info, input: JobInput) -> RetryJobPayload:
        """Let a job that waits for its next attempt, or is dead, run now."""
        done = await service.retry_job(info.context, decode(JobId, input.job_id))
        return RetryJobPayload(job=Job.of(done))

    @mutation(WRITE)
    async def cancel_job(self, info: Info, input: JobInput) -> CancelJobPayload:
        """Remove a job that waits and that nobody counts on, or that is dead."""
        gone = await service.cancel_job(info.context, decode(JobId, input.job_id))
        return CancelJobPayload(job=Job.of(gone))

    @mutation(WRITE)
    async def retry_dead_letter(self, info: Info, input: DeadLetterInput) -> RetryDeadLetterPayload:
        """Try it again, with all its attempts, once what was wrong is mended."""
        await service.retry_dead(info.context, input.id)
        return RetryDeadLetterPayload()

    @mutation(WRITE)
    async def skip_dead_letter(self, info: Info, input: DeadLetterInput) -> SkipDeadLetterPayload:
        """Give it up for ever; what waits behind it is delivered."""
        await service.skip_dead(info.context, input.id)
        return SkipDeadLetterPayload()


def register(api: Api) -> None:
    """Add dead letters and running jobs to the staff's schema."""
    api.admin(Query, DeliveryQueries)
    api.admin(Mutation, DeliveryMutations)
