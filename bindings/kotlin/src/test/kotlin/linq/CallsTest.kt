package linq

import java.io.ByteArrayInputStream
import java.io.InputStream
import java.util.concurrent.CountDownLatch
import java.util.concurrent.atomic.AtomicInteger
import kotlin.test.BeforeTest
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineName
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield

/** On which threads calls run, and calls that wait for calls. */
class CallsTest {
    private val bytes = text(1000)

    @BeforeTest
    fun calm() = Sandbox.calm()

    /** Each one waits until all have a turn, and then makes a call of its own. */
    private fun everyCallMakesAnother(upload: suspend (LinqClient, another: () -> Unit) -> LinqAttachment) {
        Sandbox.client().use { client ->
            val others = AtomicInteger()
            val all = CountDownLatch(CallThreads.LIMIT)
            val another = {
                all.countDown()
                all.await()
                runBlocking { client.presign("other.txt", 1) }
                others.incrementAndGet()
                Unit
            }
            runBlocking(Dispatchers.Default) {
                withTimeout(60.seconds) { List(CallThreads.LIMIT) { async { upload(client, another) } }.awaitAll() }
            }
            assertEquals(CallThreads.LIMIT, others.get())
        }
    }

    @Test
    fun aProgressListenerMayWaitForAnotherCall() = everyCallMakesAnother { client, another ->
        client.upload(UploadSource.of(bytes), UploadOptions("note.txt", onProgress = { if (it.sent == it.total) another() }))
    }

    @Test
    fun aStreamMayWaitForAnotherCall() = everyCallMakesAnother { client, another ->
        client.upload(UploadSource.of(1000) { ByteArrayInputStream(bytes).also { another() } }, UploadOptions("note.txt"))
    }

    @Test
    fun aRenewalMayWaitForOtherCallsOnAnyThread() {
        Sandbox.fault("""{"side":"api","times":${CallThreads.LIMIT},"fault":{"expired":true}}""")
        everyCallMakesAnother { client, another ->
            client.uploadPresigned(client.presign("note.txt", 1000), UploadSource.of(bytes)) {
                another()
                withContext(Dispatchers.IO) { client.presign("note.txt", 1000) }
            }
        }
    }

    @Test
    fun cancelledCallsGiveTheirTurnsBack() = runBlocking(Dispatchers.Default) {
        Sandbox.client().use { client ->
            val calls = List(2000) { number ->
                launch { runCatching { client.presign("note.txt", 1, timeout = (number % 50).milliseconds) } }
            }
            for (call in calls.shuffled().take(1000)) {
                call.cancel()
                yield()
            }
            calls.forEach { it.join() }
        }
        until("all turns are back") { CallThreads.turns.availablePermits == CallThreads.LIMIT }
    }

    @Test
    fun aRenewalHasTheContextOfItsUpload() {
        Sandbox.client().use { client ->
            Sandbox.fault("""{"side":"api","times":1,"fault":{"expired":true}}""")
            runBlocking(CoroutineName("mine")) {
                val place = client.presign("note.txt", 1000)
                var name: String? = null
                var thread = ""
                client.uploadPresigned(place, UploadSource.of(bytes)) {
                    name = currentCoroutineContext()[CoroutineName]?.name
                    thread = Thread.currentThread().name
                    client.presign("note.txt", 1000)
                }
                assertEquals("mine", name)
                assertTrue(thread.startsWith("linq-"), thread)
            }
        }
    }

    @Test
    fun oneThreadServesOneCallAfterTheOther() {
        fun threads() = Thread.getAllStackTraces().keys.count { it.name.startsWith("linq-") }
        until("the threads of other tests end") { threads() == 0 }
        Sandbox.client().use { client -> repeat(40) { runBlocking { client.presign("note.txt", 1) } } }
        // A thread becomes idle a moment after its call has ended.
        assertTrue(threads() in 1..20, "${threads()} threads")
    }

    @Test
    fun aStreamWhoseReadReturnsNothingIsReadByteByByte() {
        Sandbox.client().use { client ->
            val lazy = object : InputStream() {
                private val content = ByteArrayInputStream(bytes)

                override fun read(): Int = content.read()

                override fun read(b: ByteArray, off: Int, len: Int): Int = 0
            }
            val id = runBlocking { client.upload(UploadSource.of(lazy, 1000), UploadOptions("note.txt")) }.id
            assertEquals(bytes.decodeToString(), Sandbox.stored(id).decodeToString())
        }
    }

    @Test
    fun aCallSaysWhyTheNativeLibraryCannotBeLoaded() {
        val unknown = "this build of linq has no native library for Windows 11 on ${System.getProperty("os.arch")}"
        val nowhere = "the native library cannot be unpacked into java.io.tmpdir: java.nio.file.NoSuchFileException: /no/such/directory/"
        for ((setting, why) in listOf("-Dos.name=Windows 11" to unknown, "-Djava.io.tmpdir=/no/such/directory" to nowhere)) {
            val java = ProcessBuilder(
                System.getProperty("java.home") + "/bin/java", setting, "-cp", System.getProperty("surefire.test.class.path"),
                "linq.WithoutLibrary",
            )
            val process = java.redirectErrorStream(true).start()
            val said = process.inputStream.bufferedReader().readText()
            assertTrue(said.startsWith("java.lang.UnsatisfiedLinkError: $why"), said)
            assertEquals(0, process.waitFor())
        }
    }
}

/** A program of its own: the library is loaded once in a process. Its client is made by the first call, as on Android. */
object WithoutLibrary {
    @JvmStatic
    fun main(arguments: Array<String>) {
        val client = LinqClient(ClientHandle(ClientSettings()::open), null)
        println(runCatching { runBlocking { withTimeout(20.seconds) { client.presign("note.txt", 1) } } }.exceptionOrNull())
    }
}
