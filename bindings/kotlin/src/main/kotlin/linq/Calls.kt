package linq

import java.io.Closeable
import java.util.concurrent.SynchronousQueue
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.cancellation.CancellationException
import kotlin.time.Duration
import kotlin.time.TimeSource
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.sync.Semaphore
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull

/** Calls block a thread each, so they have their own: made as they are needed, gone after five idle seconds. */
internal object CallThreads {
    const val LIMIT = 64

    /** Of the calls that run at a time. */
    val turns = Semaphore(LIMIT)

    private val made = AtomicInteger()
    private val pool = ThreadPoolExecutor(0, Int.MAX_VALUE, 5, TimeUnit.SECONDS, SynchronousQueue()) { job ->
        Thread(job, "linq-${made.incrementAndGet()}").apply { isDaemon = true }
    }
    private val inCall = ThreadLocal<Boolean>()

    /** For what continues after a call, and may block. */
    val dispatcher = pool.asCoroutineDispatcher()

    /** Whether a callback or a stream of a call runs on this thread. */
    val isInCall: Boolean get() = inCall.get() == true

    fun start(job: Runnable) = try {
        pool.execute(job)
    } catch (error: OutOfMemoryError) {
        throw LinqException.noMemory("no thread can be started for this call: ${error.message}")
    }

    fun <T> inCall(body: () -> T): T {
        inCall.set(true)
        try {
            return body()
        } finally {
            inCall.remove()
        }
    }
}

/** Is in the context of a coroutine that a call waits for. */
internal object WithinCall : CoroutineContext.Element, CoroutineContext.Key<WithinCall> {
    override val key: CoroutineContext.Key<*> get() = this
}

/**
 * Runs a blocking call on one of the threads. Cancelling the coroutine cancels the call; this returns once [body] has ended, so that
 * no callback runs afterwards. It does not wait for [prepare], which nothing can cancel; what that returns is closed at the end.
 */
internal suspend fun <T> onThread(
    timeout: Duration?, prepare: () -> Closeable?, body: (token: Long, timeoutMs: Int) -> T,
): T {
    val context = currentCoroutineContext()
    context.ensureActive()
    val began = TimeSource.Monotonic.markNow()
    val call = BlockingCall(prepare) { token -> body(token, milliseconds(timeout?.minus(began.elapsedNow()))) }
    // The call around this one has a turn, and keeps it until this one has ended: both would wait for ever.
    if (CallThreads.isInCall || context[WithinCall] != null) return ended(call)
    return withTurn(timeout) { ended(call) }
}

private suspend fun <T> withTurn(timeout: Duration?, body: suspend () -> T): T {
    // Not the result: the time may be over, or the coroutine cancelled, in the moment in which the turn was taken.
    var isTaken = CallThreads.turns.tryAcquire()
    try {
        if (!isTaken) {
            withTimeoutOrNull(timeout ?: Duration.INFINITE) {
                CallThreads.turns.acquire()
                isTaken = true
            }
        }
        if (!isTaken) throw LinqException.timeout("the timeout passed before this call had a thread")
        return body()
    } finally {
        if (isTaken) CallThreads.turns.release()
    }
}

private suspend fun <T> ended(call: BlockingCall<T>): T {
    // The result leaves the scope as a value: coroutines copy exceptions that pass through a scope.
    val result = coroutineScope {
        val watcher = launch(Dispatchers.Unconfined, CoroutineStart.UNDISPATCHED) {
            suspendCancellableCoroutine<Unit> { watching -> watching.invokeOnCancellation { call.cancel() } }
        }
        try {
            CallThreads.start(call)
            withContext(NonCancellable) { call.result.await() }
        } finally {
            watcher.cancel()
        }
    }
    return result.getOrThrow()
}

/** One call, which any thread may cancel at any moment. */
private class BlockingCall<T>(private val prepare: () -> Closeable?, private val body: (token: Long) -> T) : Runnable {
    val result = CompletableDeferred<Result<T>>()
    private var token = 0L
    private var isCancelled = false

    @Synchronized
    fun cancel() {
        isCancelled = true
        if (token != 0L) Native.tokenCancel(token) else result.complete(Result.failure(cancelled()))
    }

    override fun run() {
        // Cancelled already.
        if (result.isCompleted) return
        result.complete(runCatching { CallThreads.inCall { prepare().use { perform() } } })
    }

    private fun cancelled() = CancellationException("the call was cancelled")

    private fun perform(): T {
        val made = Native.tokenNew()
        if (made == 0L) throw LinqException.noMemory("no cancel token can be made: memory or descriptors ran out")
        try {
            synchronized(this) {
                if (isCancelled) throw cancelled()
                token = made
            }
            return body(made)
        } finally {
            // It must not be freed while it is cancelled.
            synchronized(this) { token = 0 }
            Native.free(made)
        }
    }
}
