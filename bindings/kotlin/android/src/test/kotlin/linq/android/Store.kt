package linq.android

import java.io.InputStream
import java.io.OutputStream
import java.security.Key
import java.security.KeyStoreSpi
import java.security.Provider
import java.security.Security
import java.security.cert.Certificate
import java.security.cert.CertificateFactory
import java.util.Collections
import java.util.Date
import java.util.Enumeration
import linq.Sandbox

/** A KeyStore such as Android's, with what a test puts in. */
internal object Store {
    val certificates = mutableMapOf<String, Certificate>()
    val readers = mutableListOf<String>()
    var failure: Exception? = null

    /** Empty, in place of Android's. */
    fun install() {
        Security.removeProvider("TestAndroid")
        Security.addProvider(StoreProvider())
        Certificates.forget()
        certificates.clear()
        readers.clear()
        failure = null
    }

    fun sandboxCa(): Certificate =
        Sandbox.caFile.inputStream().use { CertificateFactory.getInstance("X.509").generateCertificate(it) }
}

class StoreSpi : KeyStoreSpi() {
    override fun engineLoad(stream: InputStream?, password: CharArray?) {
        synchronized(Store) { Store.readers += Thread.currentThread().name }
        Store.failure?.let { throw it }
    }

    override fun engineAliases(): Enumeration<String> = Collections.enumeration(Store.certificates.keys)

    override fun engineGetCertificate(alias: String): Certificate? = Store.certificates[alias]

    override fun engineContainsAlias(alias: String): Boolean = alias in Store.certificates

    override fun engineSize(): Int = Store.certificates.size

    override fun engineIsKeyEntry(alias: String): Boolean = false

    override fun engineIsCertificateEntry(alias: String): Boolean = true

    override fun engineGetCertificateAlias(certificate: Certificate): String? = null

    override fun engineGetKey(alias: String, password: CharArray?): Key? = null

    override fun engineGetCertificateChain(alias: String): Array<Certificate>? = null

    override fun engineGetCreationDate(alias: String): Date? = null

    override fun engineSetKeyEntry(alias: String, key: Key, password: CharArray?, chain: Array<Certificate>?) = error("read only")

    override fun engineSetKeyEntry(alias: String, key: ByteArray, chain: Array<Certificate>?) = error("read only")

    override fun engineSetCertificateEntry(alias: String, certificate: Certificate) = error("read only")

    override fun engineDeleteEntry(alias: String) = error("read only")

    override fun engineStore(stream: OutputStream?, password: CharArray?) = error("read only")
}

@Suppress("DEPRECATION")
private class StoreProvider : Provider("TestAndroid", 1.0, "") {
    init {
        put("KeyStore.AndroidCAStore", StoreSpi::class.java.name)
    }
}
