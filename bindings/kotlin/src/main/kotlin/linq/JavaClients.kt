package linq

import java.io.IOException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CountDownLatch
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.future.future
import kotlinx.coroutines.runInterruptible

private val scope = CoroutineScope(SupervisorJob() + CallThreads.dispatcher)

/** Asks your server for another place when one has expired. */
public fun interface PlaceRenewer {
    /**
     * Another place, for the same name, size and type; `null`: there is none. Runs on a thread of the library, which is interrupted
     * if the call is cancelled. What this throws comes out of the call.
     */
    @Throws(IOException::class, InterruptedException::class)
    public fun renew(expired: Presigned): Presigned?
}

private fun PlaceRenewer.suspending(): suspend (Presigned) -> Presigned? = { runInterruptible { renew(it) } }

/**
 * The calls of a [LinqClient] for Java: each blocks until it has ended. [Thread.interrupt] cancels it, and it throws
 * [InterruptedException]. An upload also throws what a stream or a [PlaceRenewer] does.
 */
public class BlockingLinqClient internal constructor(private val client: LinqClient) {
    /** See [LinqClient.upload]. */
    @JvmOverloads
    @Throws(IOException::class, InterruptedException::class)
    public fun upload(source: UploadSource, options: UploadOptions = UploadOptions()): LinqAttachment =
        wait { client.upload(source, options) }

    /** See [LinqClient.uploadPresigned]. */
    @JvmOverloads
    @Throws(IOException::class, InterruptedException::class)
    public fun uploadPresigned(
        presigned: Presigned, source: UploadSource, options: UploadOptions = UploadOptions(),
    ): LinqAttachment = wait { client.uploadPresigned(presigned, source, options) }

    /** The same, and goes on with another place when this one has expired. */
    @Throws(IOException::class, InterruptedException::class)
    public fun uploadPresigned(
        presigned: Presigned, source: UploadSource, options: UploadOptions, renewer: PlaceRenewer,
    ): LinqAttachment = wait { client.uploadPresigned(presigned, source, options, renewer.suspending()) }

    /** See [LinqClient.presign]. */
    @JvmOverloads
    @Throws(LinqException::class, InterruptedException::class)
    public fun presign(filename: String, size: Long, contentType: String? = null): Presigned =
        wait { client.presign(filename, size, contentType) }

    /** See [LinqClient.connect]. */
    @JvmOverloads
    @Throws(LinqException::class, InterruptedException::class)
    public fun connect(presigned: Presigned? = null): Unit = wait { client.connect(presigned) }

    /** See [LinqClient.attachment]. */
    @Throws(LinqException::class, InterruptedException::class)
    public fun attachment(id: String): LinqAttachmentInfo = wait { client.attachment(id) }

    /** See [LinqClient.deleteAttachment]. */
    @Throws(LinqException::class, InterruptedException::class)
    public fun deleteAttachment(id: String): Unit = wait { client.deleteAttachment(id) }

    /** See [LinqClient.sendMessage]. */
    @Throws(LinqException::class, InterruptedException::class)
    public fun sendMessage(message: LinqMessage): LinqReceipt = wait { client.sendMessage(message) }

    /** See [LinqClient.sendRequest]. */
    @Throws(LinqException::class, InterruptedException::class)
    public fun sendRequest(request: LinqRequest): LinqResponse = wait { client.sendRequest(request) }

    /** Waits also after an interrupt, for the few milliseconds that cancelling takes: no callback runs after this returns. */
    private fun <T> wait(block: suspend () -> T): T {
        var result: Result<T>? = null
        val ended = CountDownLatch(1)
        val job = scope.async(start = CoroutineStart.UNDISPATCHED) { result = runCatching { block() } }
        job.invokeOnCompletion { ended.countDown() }
        var interrupted = false
        while (true) {
            try {
                ended.await()
                break
            } catch (_: InterruptedException) {
                interrupted = true
                job.cancel()
            }
        }
        if (interrupted) throw InterruptedException("the call was cancelled")
        return result!!.getOrThrow()
    }
}

/**
 * The calls of a [LinqClient] for Java: each returns at once, and cancelling the future cancels the call. The future completes on a
 * thread of the library.
 */
public class FutureLinqClient internal constructor(private val client: LinqClient) {
    /** At once: where another future's function waits for this one, nothing else would start it. */
    private fun <T> start(block: suspend CoroutineScope.() -> T): CompletableFuture<T> =
        scope.future(start = CoroutineStart.UNDISPATCHED, block = block)

    /** See [LinqClient.upload]. */
    @JvmOverloads
    public fun upload(source: UploadSource, options: UploadOptions = UploadOptions()): CompletableFuture<LinqAttachment> =
        start { client.upload(source, options) }

    /** See [LinqClient.uploadPresigned]. */
    @JvmOverloads
    public fun uploadPresigned(
        presigned: Presigned, source: UploadSource, options: UploadOptions = UploadOptions(),
    ): CompletableFuture<LinqAttachment> = start { client.uploadPresigned(presigned, source, options) }

    /** The same, and goes on with another place when this one has expired. */
    public fun uploadPresigned(
        presigned: Presigned, source: UploadSource, options: UploadOptions, renewer: PlaceRenewer,
    ): CompletableFuture<LinqAttachment> =
        start { client.uploadPresigned(presigned, source, options, renewer.suspending()) }

    /** See [LinqClient.presign]. */
    @JvmOverloads
    public fun presign(filename: String, size: Long, contentType: String? = null): CompletableFuture<Presigned> =
        start { client.presign(filename, size, contentType) }

    /** See [LinqClient.connect]. */
    @JvmOverloads
    public fun connect(presigned: Presigned? = null): CompletableFuture<Unit> = start { client.connect(presigned) }

    /** See [LinqClient.attachment]. */
    public fun attachment(id: String): CompletableFuture<LinqAttachmentInfo> = start { client.attachment(id) }

    /** See [LinqClient.deleteAttachment]. */
    public fun deleteAttachment(id: String): CompletableFuture<Unit> = start { client.deleteAttachment(id) }

    /** See [LinqClient.sendMessage]. */
    public fun sendMessage(message: LinqMessage): CompletableFuture<LinqReceipt> = start { client.sendMessage(message) }

    /** See [LinqClient.sendRequest]. */
    public fun sendRequest(request: LinqRequest): CompletableFuture<LinqResponse> = start { client.sendRequest(request) }
}
