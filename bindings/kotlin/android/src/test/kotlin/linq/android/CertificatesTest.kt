package linq.android

import java.io.IOException
import java.security.PublicKey
import java.security.cert.Certificate
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
        Sandbox.calm()
        Store.install()
    }

    private fun builder() = LinqClient.builder().apiKey(Sandbox.key).baseUrl(Sandbox.apiTls).usesEnvironment(false)

    @Test
    fun whatTheDeviceTrustsIsTrusted() = runBlocking {
        Store.certificates += mapOf("system:1" to Unreadable(), "user:2" to Store.sandboxCa())
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
        Store.certificates += "user:2" to Store.sandboxCa()
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
        Store.certificates += "user:2" to Store.sandboxCa()
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
