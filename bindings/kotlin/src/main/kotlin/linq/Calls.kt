package linq

import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.coroutines.cancellation.CancellationException
import kotlin.time.Duration
import kotlin.time.TimeSource
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withContext

/** Calls block a thread each, so they have their own: made as they are needed, gone after five idle seconds. */
internal object CallThreads {
    const val LIMIT = 64

    private val made = AtomicInteger()
    val pool = ThreadPoolExecutor(LIMIT, LIMIT, 5, TimeUnit.SECONDS, LinkedBlockingQueue()) { job ->
        Thread(job, "linq-${made.incrementAndGet()}").apply { isDaemon = true }
    }.apply { allowCoreThreadTimeOut(true) }
}

/**
 * Runs a blocking call on one of the threads. Cancelling the coroutine cancels the call; this returns once it has ended, so that
 * no callback runs afterwards.
 */
internal suspend fun <T> onThread(timeout: Duration?, body: (token: Long, timeoutMs: Int) -> T): T {
    currentCoroutineContext().ensureActive()
    // The result leaves the scope as a value: coroutines copy exceptions that pass through a scope.
    val result = coroutineScope {
        val call = BlockingCall(timeout, body)
        val watcher = launch(Dispatchers.Unconfined, CoroutineStart.UNDISPATCHED) {
            timeout?.let {
                launch(start = CoroutineStart.UNDISPATCHED) {
                    delay(it)
                    call.expire()
                }
            }
            suspendCancellableCoroutine<Unit> { watching -> watching.invokeOnCancellation { call.cancel() } }
        }
        call.start()
        try {
            withContext(NonCancellable) { call.result.await() }
        } finally {
            watcher.cancel()
        }
    }
    return result.getOrThrow()
}

/** One call: it waits for a thread, runs there, and may be cancelled at any moment by any thread. */
private class BlockingCall<T>(private val timeout: Duration?, private val body: (Long, Int) -> T) : Runnable {
    private enum class State { WAITING, RUNNING, ENDED }

    val result = CompletableDeferred<Result<T>>()
    private val began = TimeSource.Monotonic.markNow()
    private val lock = Any()
    private var state = State.WAITING
    private var token = 0L

    fun start() {
        try {
            CallThreads.pool.execute(this)
        } catch (error: OutOfMemoryError) {
            end(LinqException.noMemory("no thread can be started for this call: ${error.message}"))
        }
    }

    fun cancel() {
        synchronized(lock) {
            // Within the lock, so that the token is not freed meanwhile.
            if (state == State.RUNNING) Native.tokenCancel(token)
        }
        end(CancellationException("the call was cancelled"))
    }

    fun expire() = end(LinqException.timeout("the timeout passed before this call had a thread"))

    /** Ends it if it has not begun. */
    private fun end(failure: Exception) {
        synchronized(lock) {
            if (state != State.WAITING) return
            state = State.ENDED
        }
        CallThreads.pool.remove(this)
        result.complete(Result.failure(failure))
    }

    override fun run() {
        // Made here: a token has descriptors, and thousands of calls may wait for a thread.
        val made = Native.tokenNew()
        val mine = synchronized(lock) {
            (state == State.WAITING).also { if (it) state = State.RUNNING }.also { token = made }
        }
        val outcome = if (mine) runCatching { perform(made) } else null
        synchronized(lock) { state = State.ENDED }
        Native.free(made)
        if (outcome != null) result.complete(outcome)
    }

    private fun perform(token: Long): T {
        if (token == 0L) throw LinqException.noMemory("no cancel token can be made: memory or descriptors ran out")
        return body(token, milliseconds(timeout?.minus(began.elapsedNow())))
    }
}
