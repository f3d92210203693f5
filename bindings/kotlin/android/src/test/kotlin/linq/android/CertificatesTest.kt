package linq.android

import java.io.IOException
import java.io.InputStream
import java.io.OutputStream
import java.security.Key
import java.security.KeyStoreSpi
import java.security.Provider
import java.security.PublicKey
import java.security.Security
import java.security.cert.Certificate
import java.security.cert.CertificateFactory
import java.util.Collections
import java.util.Date
import java.util.Enumeration
import kotlin.test.AfterTest
import kotlin.test.BeforeTest
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertSame
import kotlin.test.assertTrue
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runBlocking
import linq.LinqClient
import linq.LinqException
import linq.Sandbox
import linq.UploadOptions
import linq.UploadSource
import linq.text

/** A KeyStore such as Android's, with what a test puts in. */
private object Store {
    val certificates = mutableMapOf<String, Certificate>()
    val readers = mutableListOf<String>()
    var failure: Exception? = null
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

private class Unreadable : Certificate("X.509") {
    override fun getEncoded(): ByteArray = byteArrayOf(1, 2, 3)

    override fun verify(key: PublicKey) = Unit

    override fun verify(key: PublicKey, provider: String) = Unit

    override fun toString(): String = "unreadable"

    override fun getPublicKey(): PublicKey? = null
}

class CertificatesTest {
    private val bytes = text(1000)
    private val options = UploadOptions("note.txt")

    @BeforeTest
    fun begin() {
        Security.addProvider(StoreProvider())
        Sandbox.calm()
        Certificates.forget()
        Store.certificates.clear()
        Store.readers.clear()
        Store.failure = null
    }

    @AfterTest
    fun end() = Security.removeProvider("TestAndroid")

    private fun builder() = LinqClient.builder().apiKey(Sandbox.key).baseUrl(Sandbox.apiTls).usesEnvironment(false)

    private fun sandboxCa(): Certificate = Sandbox.caFile.inputStream().use { CertificateFactory.getInstance("X.509").generateCertificate(it) }

    @Test
    fun whatTheDeviceTrustsIsTrusted() = runBlocking {
        Store.certificates += mapOf("system:1" to Unreadable(), "user:2" to sandboxCa())
        val attempts = mutableListOf<Int?>()
        builder().onAttempt { attempts += it.httpStatus }.buildForAndroid().use { client ->
            assertContentEquals(bytes, Sandbox.stored(client.upload(UploadSource.of(bytes), options).id))
        }
        assertEquals(listOf<Int?>(200, 200), attempts)
    }

    @Test
    fun whatItDoesNotTrustIsRefused() = runBlocking {
        builder().buildForAndroid().use { client ->
            assertFailsWith<LinqException.Tls> { client.upload(UploadSource.of(bytes), options) }
        }
        Store.certificates += "system:1" to Unreadable()
        Certificates.forget()
        builder().buildForAndroid().use { client ->
            assertFailsWith<LinqException.Tls> { client.upload(UploadSource.of(bytes), options) }
        }
        Unit
    }

    @Test
    fun certificatesOfTheProgramAreAdded() = runBlocking {
        Store.certificates += "system:1" to Unreadable()
        builder().caPem(Sandbox.caFile.readText()).buildForAndroid().use { client ->
            assertContentEquals(bytes, Sandbox.stored(client.upload(UploadSource.of(bytes), options).id))
        }
    }

    @Test
    fun theStoreIsReadOnceAndOnAThreadOfTheLibrary() = runBlocking {
        Store.certificates += "user:2" to sandboxCa()
        val clients = List(2) { builder().buildForAndroid() }
        clients.forEach { it.networkChanged() }
        assertEquals(emptyList(), Store.readers)
        List(8) { async { clients[it % 2].presign("note.txt", 1) } }.awaitAll()
        clients.forEach { it.close() }
        assertEquals(1, Store.readers.size, "${Store.readers}")
        assertTrue(Store.readers.single().startsWith("linq-"), "${Store.readers}")
    }

    @Test
    fun aStoreThatCannotBeReadIsTriedAgain() = runBlocking {
        Store.certificates += "user:2" to sandboxCa()
        builder().buildForAndroid().use { client ->
            val failure = IOException("no store").also { Store.failure = it }
            assertSame(failure, runCatching { client.presign("note.txt", 1) }.exceptionOrNull())
            Store.failure = null
            assertEquals("note.txt", client.presign("note.txt", 1).filename)
        }
    }

    @Test
    fun anInvalidSettingIsAnExceptionOfTheCall() = runBlocking {
        LinqClient.builder().baseUrl("nonsense").buildForAndroid().use { client ->
            assertFailsWith<LinqException.InvalidArgument> { client.presign("note.txt", 1) }
        }
        val closed = builder().buildForAndroid().apply { close() }
        assertEquals("this LinqClient is closed", assertFailsWith<IllegalStateException> { closed.presign("note.txt", 1) }.message)
        assertEquals(1, Store.readers.size, "a closed client is made")
    }
}
