package linq

import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds

/** Options for an upload. */
public class UploadOptions(
    /**
     * The name to declare: 1 to 255 characters, without control characters or path separators. `null`: the name of the file.
     * Required for a source without one. In the split use it is only checked against what was signed.
     */
    public val filename: String? = null,
    /** The content type to declare. `null`: from the bytes, else from the name. */
    public val contentType: String? = null,
    /** Limits the whole call, including all attempts and waits. `null`: no limit; the client's own timeouts still apply. */
    public val timeout: Duration? = null,
    /** Called with the progress, on a thread of the library. What it throws ends the upload and comes out of it. */
    public val onProgress: ProgressListener? = null,
) {
    /** Makes options in Java. */
    public class Builder {
        private var filename: String? = null
        private var contentType: String? = null
        private var timeout: Duration? = null
        private var onProgress: ProgressListener? = null

        /** Sets [UploadOptions.filename]. */
        public fun filename(filename: String): Builder = apply { this.filename = filename }

        /** Sets [UploadOptions.contentType]. */
        public fun contentType(contentType: String): Builder = apply { this.contentType = contentType }

        /** Sets [UploadOptions.timeout]. */
        public fun timeoutMillis(limit: Long): Builder = apply { timeout = limit.milliseconds }

        /** Sets [UploadOptions.onProgress]. */
        public fun onProgress(listener: ProgressListener): Builder = apply { onProgress = listener }

        /** The options. */
        public fun build(): UploadOptions = UploadOptions(filename, contentType, timeout, onProgress)
    }

    public companion object {
        /** For Java: `UploadOptions.builder().filename("photo.jpg").build()`. */
        @JvmStatic
        public fun builder(): Builder = Builder()
    }
}

/** Receives the progress of an upload. */
public fun interface ProgressListener {
    /**
     * Called at the start, at the end, and at most about 20 times a second between. The count never falls within an attempt; a
     * new attempt begins at 0 again.
     */
    public fun onProgress(progress: UploadProgress)
}

/** How far an upload is. */
public data class UploadProgress(
    /** The bytes sent so far in this attempt. */
    val sent: Long,
    /** The size of the source. */
    val total: Long,
) {
    /** From 0 to 1. */
    val fraction: Double get() = if (total == 0L) 0.0 else sent.toDouble() / total
}

/** What happens to an upload; see [LinqClient.uploadEvents]. */
public sealed interface UploadEvent {
    /** It moved. */
    public data class Progress(val progress: UploadProgress) : UploadEvent

    /** It succeeded; the last event. */
    public data class Finished(val attachment: LinqAttachment) : UploadEvent
}
