package linq

import java.io.IOException
import java.io.InputStream
import java.nio.file.Files
import java.nio.file.Path

/** The functions of linq_jni.c. Text is UTF-8 without a NUL; see there for what is returned. */
internal object Native {
    const val SOURCE_PATH = 1
    const val SOURCE_DESCRIPTOR = 2
    const val SOURCE_BYTES = 3
    const val SOURCE_READER = 4

    const val CLIENT_NO_ENVIRONMENT = 1
    const val CLIENT_ALLOW_WEBP_SVG = 2
    const val CLIENT_ALLOW_HTTP_LOOPBACK = 4

    const val REQUEST_REPEATABLE = 1

    /** For [upload]: which callbacks there are. */
    const val HAS_PROGRESS = 1
    const val HAS_REWIND = 2
    const val HAS_RENEW = 4

    init {
        if ("Android" in System.getProperty("java.vm.vendor").orEmpty()) System.loadLibrary("linqjni") else NativeLibrary.load()
    }

    @JvmStatic external fun clientNew(
        apiKey: ByteArray?, baseUrl: ByteArray?, userAgent: ByteArray?, caFile: ByteArray?, caPem: ByteArray?, proxy: ByteArray?,
        flags: Int, connectTimeoutMs: Int, stallTimeoutMs: Int, maxAttempts: Int,
    ): Array<Any?>

    @JvmStatic external fun free(handle: Long)

    @JvmStatic external fun tokenNew(): Long

    @JvmStatic external fun tokenCancel(token: Long)

    @JvmStatic external fun networkChanged(client: Long)

    @JvmStatic external fun connect(client: Long, json: ByteArray?, token: Long, timeoutMs: Int): Array<Any?>

    @JvmStatic external fun presign(
        client: Long, filename: ByteArray, contentType: ByteArray?, size: Long, observer: AttemptCallback?, token: Long,
        timeoutMs: Int,
    ): Array<Any?>

    @JvmStatic external fun parse(json: ByteArray): Array<Any?>

    @JvmStatic external fun checkPresigned(json: ByteArray, httpStatus: Int, body: ByteArray?): Array<Any?>

    @JvmStatic external fun upload(
        client: Long, json: ByteArray?, kind: Int, origin: Any?, descriptor: Int, offset: Long, length: Long, filename: ByteArray?,
        contentType: ByteArray?, callbacks: UploadCallbacks, has: Int, observer: AttemptCallback?, token: Long, timeoutMs: Int,
    ): Array<Any?>

    @JvmStatic external fun attachment(
        client: Long, id: ByteArray, observer: AttemptCallback?, token: Long, timeoutMs: Int,
    ): Array<Any?>

    @JvmStatic external fun deleteAttachment(
        client: Long, id: ByteArray, observer: AttemptCallback?, token: Long, timeoutMs: Int,
    ): Array<Any?>

    @JvmStatic external fun sendMessage(
        client: Long, from: ByteArray, to: Array<ByteArray>, text: ByteArray?, attachmentIds: Array<ByteArray>,
        idempotencyKey: ByteArray?, observer: AttemptCallback?, token: Long, timeoutMs: Int,
    ): Array<Any?>

    @JvmStatic external fun sendRequest(
        client: Long, method: ByteArray, path: ByteArray, json: ByteArray?, idempotencyKey: ByteArray?, flags: Int,
        observer: AttemptCallback?, token: Long, timeoutMs: Int,
    ): Array<Any?>

    @JvmStatic external fun contentType(name: ByteArray?, bytes: ByteArray?): ByteArray?

    /** 0: none. Returns a status. */
    @JvmStatic external fun setLog(level: Int): Int

    /** What linq_jni.c calls with a log line. */
    @JvmStatic fun log(level: Int, line: ByteArray): Unit = Log.receive(level, line)

    @JvmStatic external fun statusName(status: Int): ByteArray

    @JvmStatic external fun version(): ByteArray
}

/** The library within the jar, for a JVM that is not Android's. */
private object NativeLibrary {
    fun load() {
        val system = System.getProperty("os.name").orEmpty()
        val arch = System.getProperty("os.arch").orEmpty()
        val processor = mapOf("amd64" to "x86_64", "arm64" to "aarch64")[arch] ?: arch
        val resource = when {
            system == "Linux" -> "linux-$processor/liblinqjni.so"
            system.startsWith("Mac") -> "macos-$processor/liblinqjni.dylib"
            else -> null
        }
        val content = resource?.let { Native::class.java.getResourceAsStream("native/$it") }
            ?: throw UnsatisfiedLinkError("this build of linq has no native library for $system on $arch")
        try {
            content.use { load(it, resource.substringAfter('/')) }
        } catch (error: IOException) {
            throw UnsatisfiedLinkError("the native library cannot be unpacked into java.io.tmpdir: $error")
        }
    }

    private fun load(content: InputStream, name: String) {
        // The directory is new and only this user's, so nobody else can put a library there. A loaded file may be deleted.
        val directory = Files.createTempDirectory("linq")
        val file = directory.resolve(name)
        try {
            Files.copy(content, file)
            System.load(file.toString())
        } finally {
            delete(file)
            delete(directory)
        }
    }

    private fun delete(path: Path) {
        try {
            Files.deleteIfExists(path)
        } catch (_: IOException) {
            path.toFile().deleteOnExit()
        }
    }
}
