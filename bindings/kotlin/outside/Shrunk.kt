// An app that R8 shrinks together with the AAR's classes: it uses what native code calls by name. Prints the id of the last upload.
import java.io.File
import java.io.InputStream
import java.net.URI
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import linq.LinqClient
import linq.LinqException
import linq.LinqLogLevel
import linq.Presigned
import linq.UploadOptions
import linq.UploadSource

@Serializable
class Answer(val place: Presigned)

fun fault(json: String) {
    val connection = URI(System.getenv("LINQ_CONTROL") + "/faults").toURL().openConnection()
    connection.doOutput = true
    connection.outputStream.use { it.write(json.toByteArray()) }
    connection.inputStream.use(InputStream::readBytes)
}

fun main() = runBlocking {
    val seen = mutableSetOf<String>()
    LinqClient.setLog(LinqLogLevel.DEBUG) { _, _ -> seen += "log" }
    val photo = File("photo.jpg")
    LinqClient(onAttempt = { seen += "attempt" }).use { client ->
        fault("""{"side":"api","times":1,"fault":{"expired":true}}""")
        val place = Json.decodeFromString<Answer>(Json.encodeToString(Answer(client.presign("photo.jpg", photo.length())))).place
        val source = UploadSource.of(photo.length()) {
            seen += "read"
            photo.inputStream()
        }
        val attachment = client.uploadPresigned(place, source, UploadOptions(onProgress = { seen += "progress" })) {
            seen += "renew"
            client.presign("photo.jpg", photo.length())
        }
        try {
            client.attachment("00000000-0000-4000-8000-000000000000")
        } catch (error: LinqException.NotFound) {
            seen += error.statusName
        }
        val wanted = setOf("log", "attempt", "read", "progress", "renew", "LINQ_NOT_FOUND")
        check(seen == wanted) { "$seen, not $wanted" }
        println(attachment.id)
    }
}
