package linq

import java.io.File
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.coroutines.cancellation.CancellationException
import kotlin.random.Random
import kotlin.test.BeforeTest
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertIs
import kotlin.test.assertNotNull
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

class CancelTest {
    @BeforeTest
    fun calm() = Sandbox.calm()

    private val options = UploadOptions("note.txt")

    @Test
    fun everyPhaseEndsAtOnce() {
        val bytes = text(8_000_000)
        val upload: suspend (LinqClient) -> Unit = { it.upload(UploadSource.of(bytes), options) }
        val phases = listOf<Triple<String, String, String>>(
            Triple("handshake", """{"side":"api_tls","on":"connect","fault":{"connect":"silent"}}""", Sandbox.apiTls),
            Triple("reserving", """{"side":"api","fault":{"no_answer":true}}""", Sandbox.api),
            Triple("sending", """{"side":"storage","fault":{"stall_after":100000}}""", Sandbox.api),
            Triple("answer", """{"side":"storage","fault":{"no_answer":true}}""", Sandbox.api),
            Triple("backoff", """{"side":"api","fault":{"respond":{"status":503,"headers":[["Retry-After","20"]]}}}""", Sandbox.api),
        )
        for ((name, fault, api) in phases) {
            endsAtOnce(name) {
                Sandbox.calm()
                val injected = Sandbox.fault(fault)
                Sandbox.client(api).use { client -> cancelled({ injected() > 0 }) { upload(client) } }
            }
        }
        endsAtOnce("connecting") {
            Sandbox.client(Sandbox.blackHole).use { client -> cancelled({ Thread.sleep(200) == Unit }) { upload(client) } }
        }
    }

    @Test
    fun aLookupThatHangsEndsAtOnce() {
        val log = File.createTempFile("linq", "shim")
        endsAtOnce("lookup") {
            log.writeText("")
            val java = ProcessBuilder(
                System.getProperty("java.home") + "/bin/java", "-Xcheck:jni", "--enable-native-access=ALL-UNNAMED", "-cp",
                System.getProperty("surefire.test.class.path"), "linq.HangingLookup",
            )
            java.environment() += mapOf("LD_PRELOAD" to System.getenv("LINQ_SHIM"), "SHIM_LOG" to log.path)
            val process = java.redirectErrorStream(true).start()
            val said = process.inputStream.bufferedReader().readText()
            assertEquals(0, process.waitFor(), said)
            assertNotNull(said.trim().toDoubleOrNull(), said)
        }
        log.delete()
    }

    @Test
    fun aCallThatWaitsForAThreadEndsAtOnce() = runBlocking {
        val injected = Sandbox.fault("""{"side":"api","times":0,"fault":{"no_answer":true}}""")
        Sandbox.client().use { client ->
            val all = List(CallThreads.LIMIT) { async(Dispatchers.Default) { client.presign("note.txt", 1) } }
            withTimeout(30.seconds) { while (injected() < CallThreads.LIMIT) delay(2) }
            endsAtOnce("waiting for a thread") {
                val called = AtomicBoolean()
                cancelled(called::get) {
                    called.set(true)
                    client.presign("note.txt", 1)
                }
            }
            val late = assertFailsWith<LinqException.Timeout> { client.presign("note.txt", 1, timeout = 50.milliseconds) }
            assertEquals("the timeout passed before this call had a thread", late.message)
            assertEquals(CallThreads.LIMIT, injected())
            all.forEach { it.cancelAndJoin() }
        }
    }

    @Test
    fun cancelledBeforeNothingIsSent() = runBlocking {
        Sandbox.client().use { client ->
            val job = async { client.presign("note.txt", 1) }
            job.cancelAndJoin()
        }
        assertEquals(emptyList(), Sandbox.requests())
    }

    @Test
    fun manyAreCancelledAroundTheirCompletion() = runBlocking(Dispatchers.Default) {
        Sandbox.client().use { client ->
            val bytes = text(20_000)
            var completed = 0
            // Longer after each that was cancelled, shorter after each that had completed: about half of them complete anywhere.
            var mostMs = 10.0
            repeat(500) {
                val job = async { client.upload(UploadSource.of(bytes), options) }
                delay(Random.nextDouble(mostMs).toLong())
                job.cancel()
                val result = runCatching { job.await() }
                result.onSuccess { completed++ }.onFailure { assertIs<CancellationException>(it) }
                mostMs *= if (result.isSuccess) 0.95 else 1.05
            }
            println("$completed of 500 had completed")
            assertTrue(completed in 1..499, "$completed of 500 had completed; they were not cancelled around completion")
            assertContentEquals(bytes, Sandbox.stored(client.upload(UploadSource.of(bytes), options).id))
        }
    }

    @Test
    fun manyAtOnceAndNothingStays() {
        val content = text(3_000_000)
        val file = file("note.txt", content)
        fun round() = runBlocking(Dispatchers.Default) {
            Sandbox.client().use { client ->
                coroutineScope {
                    val ids = List(64) { number ->
                        async { client.upload(if (number % 2 == 0) UploadSource.of(file) else stream(file), options).id }
                    }.awaitAll()
                    assertEquals(64, ids.toSet().size)
                    assertContentEquals(content, Sandbox.stored(ids.last()))
                }
            }
        }
        round()
        until("the threads of the first round end") { linqThreads() == 0 }
        val before = descriptors()
        val memory = resident()
        repeat(3) { round() }
        until("the threads end: ${linqThreads()}") { linqThreads() == 0 }
        until("descriptors are closed: $before before, now ${descriptors()}") { descriptors() <= before }
        val growth = (resident() - memory) / 1024
        println("resident memory grew by $growth KiB in three rounds of 64 uploads of 3 MB")
        assertTrue(growth < 64 * 1024, "$growth KiB")
    }

    private fun stream(file: File) = UploadSource.of(file.length()) { file.inputStream() }

    private fun linqThreads() = Thread.getAllStackTraces().keys.count { it.name.startsWith("linq-") }

    private fun descriptors() = File("/proc/self/fd").list()!!.size

    private fun resident() =
        Regex("VmRSS:\\s+(\\d+)").find(File("/proc/self/status").readText())!!.groupValues[1].toLong() * 1024
}

/** Cancels a call once [isThere], and returns how many milliseconds it took to end. */
private fun cancelled(isThere: () -> Boolean, call: suspend () -> Unit): Double = runBlocking(Dispatchers.Default) {
    var failure: Throwable? = null
    val job = async { failure = runCatching { call() }.exceptionOrNull() }
    withTimeout(30.seconds) { while (!isThere()) delay(2) }
    delay(20)
    val began = System.nanoTime()
    job.cancelAndJoin()
    val took = (System.nanoTime() - began) / 1e6
    assertIs<CancellationException>(failure)
    took
}

/** A program of its own: tests/matrix/shim.c, which makes the lookup hang, must be loaded before the C library. */
object HangingLookup {
    @JvmStatic
    fun main(arguments: Array<String>) {
        val log = File(System.getenv("SHIM_LOG"))
        LinqClient("key", "https://hang.linq.test", usesEnvironment = false).use { client ->
            // The first time loads classes.
            repeat(2) { round ->
                val took = cancelled({ log.readLines().size > round }) { client.presign("note.txt", 1) }
                if (round == 1) println(took)
            }
        }
    }
}
