package linq

import java.io.InputStream
import java.lang.management.ManagementFactory
import javax.management.ObjectName
import kotlin.test.BeforeTest
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking

/** Of the references that native code has: local ones stay few within a call, global ones do not grow. */
class ReferenceTest {
    @BeforeTest
    fun calm() = Sandbox.calm()

    private val bytes = text(300_000)

    /** Read in 3000 pieces. */
    private fun pieces() = UploadSource.of(bytes.size.toLong()) {
        object : InputStream() {
            private var position = 0

            override fun read(): Int = if (position == bytes.size) -1 else bytes[position++].toInt()

            override fun read(b: ByteArray, off: Int, len: Int): Int = super.read(b, off, minOf(len, 100))
        }
    }

    /** With more of each than -Xcheck:jni allows at a time; it says so on stdout, and scripts/test-kotlin then fails. */
    private suspend fun everything() {
        var progress = 0
        val options = UploadOptions("note.txt", onProgress = { progress++ })
        LinqClient.setLog(LinqLogLevel.DEBUG) { _, _ -> }
        LinqClient(Sandbox.key, Sandbox.api, usesEnvironment = false, onAttempt = {}).use { client ->
            val id = client.upload(pieces(), options).id
            assertContentEquals(bytes, Sandbox.stored(id))
            client.uploadPresigned(client.presign("note.txt", bytes.size.toLong()), UploadSource.of(bytes))
            val message = LinqMessage(Sandbox.phone, List(200) { "+1555765%04d".format(it) }, "Hello", List(200) { id })
            runCatching { client.sendMessage(message) }.onFailure { if (it !is LinqException) throw it }
            client.attachment(id)
            client.sendRequest(LinqRequest("GET", "/v3/attachments/$id"))
            client.deleteAttachment(id)
            assertFailsWith<LinqException.NotFound> { client.attachment(id) }
            val mine = IllegalStateException("mine")
            val throwing = UploadOptions("note.txt", onProgress = { throw mine })
            assertFailsWith<IllegalStateException> { client.upload(UploadSource.of(bytes), throwing) }
        }
        LinqClient.setLog(LinqLogLevel.DEBUG, null)
        LinqClient.contentType("a.txt", bytes)
    }

    /** The JVM has the counts in its thread dump: global references, weak ones. */
    private fun globalReferences(): Pair<Int, Int> {
        val name = ObjectName("com.sun.management:type=DiagnosticCommand")
        val dump = ManagementFactory.getPlatformMBeanServer()
            .invoke(name, "threadPrint", arrayOf<Any>(arrayOf<String>()), arrayOf(Array<String>::class.java.name)) as String
        val (global, weak) = Regex("JNI global refs: (\\d+), weak refs: (\\d+)").find(dump)!!.destructured
        return global.toInt() to weak.toInt()
    }

    /** The fewest of a second, because the JVM has a weak one for each method that waits to be compiled. */
    private fun fewestGlobalReferences(): Pair<Int, Int> {
        val counts = List(20) {
            Thread.sleep(50)
            globalReferences()
        }
        return counts.minOf { it.first } to counts.minOf { it.second }
    }

    @Test
    fun globalReferencesDoNotGrow() = runBlocking(Dispatchers.Default) {
        repeat(2) { everything() }
        val before = fewestGlobalReferences()
        val rounds = 10
        repeat(rounds) { everything() }
        // What is left behind is left behind in each round; the JVM may have made one or two of its own meanwhile.
        val after = fewestGlobalReferences()
        assertTrue(after.first < before.first + rounds && after.second < before.second + rounds, "from $before to $after")
    }
}
