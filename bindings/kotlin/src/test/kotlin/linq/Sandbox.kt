package linq

import java.io.File
import java.net.HttpURLConnection
import java.net.URL
import kotlin.random.Random
import kotlin.test.fail
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

/** The stand-in for Linq: sandbox/README.md. One for all tests. */
object Sandbox {
    private val process = ProcessBuilder(System.getenv("LINQ_SANDBOX"), "--exit-with-stdin")
        .redirectError(ProcessBuilder.Redirect.INHERIT).start()
    private val ready = Json.parseToJsonElement(process.inputStream.bufferedReader().readLine()).jsonObject

    val api = field("api")
    val apiTls = field("api_tls")
    val caFile = File(field("ca_file"))
    val key = field("key")
    val phone = field("phone")
    val blackHole = field("black_hole")

    private fun field(name: String) = ready.getValue(name).jsonPrimitive.content

    fun control(method: String, path: String, body: String? = null): ByteArray {
        val connection = URL(field("control") + path).openConnection() as HttpURLConnection
        connection.requestMethod = method
        if (body != null) {
            connection.doOutput = true
            connection.outputStream.use { it.write(body.toByteArray()) }
        }
        if (connection.responseCode >= 300) fail("$method $path: ${connection.responseCode}")
        return connection.inputStream.use { it.readBytes() }
    }

    private fun json(path: String): JsonElement = Json.parseToJsonElement(control("GET", path).decodeToString())

    /** Forgets what tests before have asked for and done. */
    fun calm() {
        control("DELETE", "/faults")
        control("DELETE", "/requests")
    }

    /** Asks for a fault; what is returned counts how often it was injected. */
    fun fault(spec: String): () -> Int {
        val id = Json.parseToJsonElement(control("POST", "/faults", spec).decodeToString()).jsonObject.number("id")
        return { json("/faults").jsonArray.map { it.jsonObject }.single { it.number("id") == id }.number("injected") }
    }

    fun requests(): List<JsonObject> = (json("/requests") as JsonArray).map { it.jsonObject }

    fun stored(id: String): ByteArray = control("GET", "/objects/$id")

    fun declared(id: String): JsonObject = json("/objects").jsonArray.map { it.jsonObject }.single { it.text("attachment_id") == id }

    fun client(api: String = this.api, maxAttempts: Int? = null): LinqClient =
        LinqClient(apiKey = key, baseUrl = api, usesEnvironment = false, maxAttempts = maxAttempts)
}

fun JsonObject.text(name: String): String = getValue(name).jsonPrimitive.content

fun JsonObject.number(name: String): Int = getValue(name).jsonPrimitive.int

/** Random, and plain text to look at. */
fun text(size: Int): ByteArray = ByteArray(size) { "abcdefghijklmnopqrstuvwxyz012345"[Random.nextInt(32)].code.toByte() }

/** A new file; its content is [bytes]. */
fun file(name: String, bytes: ByteArray): File =
    File(kotlin.io.path.createTempDirectory("linq-test").toFile().apply { deleteOnExit() }, name).apply {
        writeBytes(bytes)
        deleteOnExit()
    }

fun until(what: String, holds: () -> Boolean) {
    val end = System.nanoTime() + 30_000_000_000
    while (!holds()) {
        if (System.nanoTime() > end) fail("this never came true: $what")
        Thread.sleep(2)
    }
}

/**
 * Cancels in [phase] until that took less than 10 ms; [cancel] returns how long. A machine that is busy with something else comes late
 * to many calls, but not to all of half a minute; a library that is late is late each time.
 */
fun endsAtOnce(phase: String, cancel: () -> Double) {
    val late = mutableListOf<Double>()
    val end = System.nanoTime() + 30_000_000_000
    while (true) {
        val took = cancel()
        if (took < 10) return println("cancelled while $phase: %.2f ms".format(took))
        late += took
        if (System.nanoTime() > end) fail("$phase: never within 10 ms: $late")
    }
}
