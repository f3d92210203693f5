package linq.android

import java.security.KeyStore
import kotlin.io.encoding.Base64
import linq.ClientSettings
import linq.LinqException
import linq.Native

/** What the device trusts, as PEM: the system's certificates, and those that its user or a company installed. */
internal object Certificates {
    private var read: String? = null

    /** Read once in each process, which takes a while: not for the main thread. */
    @Synchronized
    fun pem(): String = read ?: readable(all()).also { read = it }

    /** For tests. */
    @Synchronized
    fun forget() {
        read = null
    }

    private fun all(): List<String> {
        // Only the JVM has it; what the user disabled is not in it.
        val store = KeyStore.getInstance("AndroidCAStore")
        store.load(null, null)
        return store.aliases().asSequence().mapNotNull { store.getCertificate(it) }.map {
            "-----BEGIN CERTIFICATE-----\n${Base64.Pem.encode(it.encoded)}\n-----END CERTIFICATE-----\n"
        }.toList()
    }

    /** A client refuses certificates of which it cannot read one. A store may have such a one, and works without it. */
    private fun readable(all: List<String>): String {
        val together = all.joinToString("")
        return if (all.isEmpty() || isReadable(together)) together else all.filter(::isReadable).joinToString("")
    }

    private fun isReadable(pem: String): Boolean = try {
        Native.free(ClientSettings(caPem = pem, usesEnvironment = false).open())
        true
    } catch (_: LinqException.Tls) {
        false
    }
}
