import CLinq
import Foundation
import XCTest

@testable import Linq

final class ErrorTests: SandboxTestCase {
    /// `LINQ_NOT_FOUND` is `.notFound`, and so on: a status that the header has and Swift has not turns this red.
    func testEveryStatusOfTheHeaderIsThere() throws {
        let header = try String(contentsOf: repository.appendingPathComponent("include/linq.h"), encoding: .utf8)
        let inSwift: [String: LinqError.Status] = [
            "INVALID_ARGUMENT": .invalidArgument, "FILE": .file, "UNSUPPORTED": .unsupported, "NETWORK": .network,
            "TLS": .tls, "TIMEOUT": .timeout, "CANCELLED": .cancelled, "UNAUTHORIZED": .unauthorized,
            "NOT_FOUND": .notFound, "RATE_LIMITED": .rateLimited, "API": .api, "STORAGE": .storage, "EXPIRED": .expired,
            "PROTOCOL": .protocol, "NO_MEMORY": .noMemory, "INTERNAL": .internal,
        ]
        var found = 0
        for line in header.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, words[0] == "#define", words[1].hasPrefix("LINQ_"), let number = Int32(words[2]) else { continue }
            // A status is what the library itself calls by that name.
            guard number != LINQ_OK, String(cString: linq_status_name(number)) == words[1] else { continue }
            found += 1
            let status = try XCTUnwrap(inSwift[String(words[1].dropFirst(5))], "\(words[1]) is not in Swift")
            XCTAssertEqual(status.rawValue, number)
            XCTAssertTrue(LinqError.Status.allCases.contains(status))
            XCTAssertEqual(status.description, String(words[1]))
        }
        XCTAssertEqual(found, inSwift.count)
        XCTAssertEqual(found, LinqError.Status.allCases.count)
    }

    func testAnUnknownStatusIsInternal() {
        for number in [0, 17, -1, Int32.max] { XCTAssertEqual(LinqError.Status(rawValue: number), .internal) }
    }

    func testEveryFieldIsRead() {
        let texts = ["message", "code", "request", "id2", "https://docs.linqapp.com/x", "trace", "attachment", "key"].map { (text: String) in strdup(text) }
        defer { texts.forEach { free($0) } }
        var error = linq_error()
        error.message = UnsafePointer(texts[0])
        error.storage_code = UnsafePointer(texts[1])
        error.storage_request_id = UnsafePointer(texts[2])
        error.storage_id_2 = UnsafePointer(texts[3])
        error.doc_url = UnsafePointer(texts[4])
        error.trace_id = UnsafePointer(texts[5])
        error.attachment_id = UnsafePointer(texts[6])
        error.idempotency_key = UnsafePointer(texts[7])
        error.system_error = ENOENT
        error.status = LINQ_STORAGE
        error.http_status = 503
        error.api_code = 1007
        error.retry_after_ms = 1500
        error.attempts = 3
        error.retryable = 1
        let full = LinqError(error)
        XCTAssertEqual(full.message, "message")
        XCTAssertEqual(full.storageCode, "code")
        XCTAssertEqual(full.storageRequestID, "request")
        XCTAssertEqual(full.storageID2, "id2")
        XCTAssertEqual(full.docURL?.absoluteString, "https://docs.linqapp.com/x")
        XCTAssertEqual(full.traceID, "trace")
        XCTAssertEqual(full.attachmentID, "attachment")
        XCTAssertEqual(full.idempotencyKey, "key")
        XCTAssertEqual(full.systemError, ENOENT)
        XCTAssertEqual(full.status, .storage)
        XCTAssertEqual(full.httpStatus, 503)
        XCTAssertEqual(full.apiCode, 1007)
        XCTAssertEqual(full.retryAfter, .milliseconds(1500))
        XCTAssertEqual(full.attempts, 3)
        XCTAssertTrue(full.isRetryable)

        let bare = LinqError(.file, "only this")
        XCTAssertEqual(bare.localizedDescription, "only this")
        XCTAssertNil(bare.storageCode ?? bare.storageRequestID ?? bare.storageID2 ?? bare.traceID ?? bare.attachmentID)
        XCTAssertNil(bare.idempotencyKey)
        XCTAssertNil(bare.systemError)
        XCTAssertNil(bare.httpStatus ?? bare.apiCode)
        XCTAssertNil(bare.docURL)
        XCTAssertNil(bare.retryAfter)
        XCTAssertEqual(bare.attempts, 0)
        XCTAssertFalse(bare.isRetryable)
    }

    func testWhatLinqSaysComesThrough() async throws {
        sandbox.fault(#"{"side":"api","times":1,"fault":{"respond":{"status":429,"headers":[["Retry-After","100"],["X-Trace-ID","t-1"]],"code":1007,"message":"slow down"}}}"#)
        let error = await assertLinqError(.rateLimited, has: "slow down") {
            try await sandbox.client().presign(filename: "a.txt", size: 5)
        }
        XCTAssertEqual(error?.httpStatus, 429)
        XCTAssertEqual(error?.apiCode, 1007)
        XCTAssertEqual(error?.retryAfter, .seconds(100))
        XCTAssertEqual(error?.localizedDescription, error?.message)
        XCTAssertEqual(error?.attempts, 1)
        XCTAssertEqual(error?.isRetryable, true)
        XCTAssertNotNil(error?.traceID)
        let wrong = await assertLinqError(.unauthorized) {
            try await Client(sandbox.configuration(key: "wrong")).presign(filename: "a.txt", size: 5)
        }
        XCTAssertEqual(wrong?.httpStatus, 401)
    }

    func testNULsAreRefusedByName() async throws {
        let client = try sandbox.client()
        let bad = "a\0b"
        let data = UploadSource.data(Data("hello".utf8))
        var calls: [(String, () async throws -> Void)] = [
            ("filename", { _ = try await client.presign(filename: bad, size: 5) }),
            ("contentType", { _ = try await client.presign(filename: "a.txt", contentType: bad, size: 5) }),
            ("filename", { _ = try await client.upload(data, options: UploadOptions(filename: bad)) }),
            ("contentType", { _ = try await client.upload(data, options: UploadOptions(filename: "a.txt", contentType: bad)) }),
            ("id", { _ = try await client.attachment(id: bad) }),
            ("id", { try await client.deleteAttachment(id: bad) }),
            ("from", { _ = try await client.send(Message(from: bad, to: ["x"])) }),
            ("to[1]", { _ = try await client.send(Message(from: "x", to: ["x", bad])) }),
            ("text", { _ = try await client.send(Message(from: "x", to: ["x"], text: bad)) }),
            ("attachmentIDs[0]", { _ = try await client.send(Message(from: "x", to: ["x"], attachmentIDs: [bad])) }),
            ("idempotencyKey", { _ = try await client.send(Message(from: "x", to: ["x"], idempotencyKey: bad)) }),
        ]
        for (name, configuration) in [
            ("apiKey", Client.Configuration(apiKey: bad)), ("userAgent", Client.Configuration(userAgent: bad)),
            ("caPEM", Client.Configuration(caPEM: bad)), ("proxy", Client.Configuration(proxy: bad)),
        ] { calls.append((name, { _ = try Client(configuration) })) }
        for (name, call) in calls {
            _ = await assertLinqError(.invalidArgument, has: "\(name) contains a NUL") { try await call() }
        }
        XCTAssertEqual(sandbox.requests.count, 0)
    }

    func testOtherArgumentsThatCannotBeMeant() async throws {
        let client = try sandbox.client()
        _ = await assertLinqError(.invalidArgument, has: "URL of a file") {
            try await client.upload(fileAt: URL(string: "https://example.com/a.txt")!)
        }
        for url in ["file:///tmp/%FF.txt", "file:"] {
            _ = await assertLinqError(.invalidArgument, has: "the file is a URL without a path") {
                try await client.upload(fileAt: XCTUnwrap(URL(string: url)))
            }
        }
        _ = await assertLinqError(.invalidArgument, has: "filename") { try await client.upload(.data(Data("x".utf8))) }
        _ = await assertLinqError(.unsupported, has: "empty") { try await client.upload(Data(), filename: "a.txt") }
        _ = await assertLinqError(.invalidArgument, has: "size is -5") { try await client.presign(filename: "a.txt", size: -5) }
        _ = await assertLinqError(.unsupported, has: "100 MiB") { try await client.presign(filename: "a.txt", size: 104_857_601) }
        _ = await assertLinqError(.file, has: "directory") { try await client.upload(fileAt: URL(fileURLWithPath: "/tmp")) }
        XCTAssertEqual(sandbox.requests.count, 0)
    }

    func testATimeoutBoundsTheWholeCall() async throws {
        sandbox.fault(#"{"side":"api","times":0,"fault":{"no_answer":true}}"#)
        var configuration = sandbox.configuration(key: sandbox.key)
        // What would end it otherwise.
        (configuration.stallTimeout, configuration.maxAttempts) = (.seconds(30) * slow, 1)
        let client = try Client(configuration)
        for timeout in [Duration.milliseconds(150), .nanoseconds(1)] {
            let start = ContinuousClock.now
            _ = await assertLinqError(.timeout) { try await client.presign(filename: "a.txt", size: 5, timeout: timeout) }
            XCTAssertLessThan(ContinuousClock.now - start, .seconds(5) * slow)
        }
        let (id, timeout) = ("550e8400-e29b-41d4-a716-446655440000", Duration.milliseconds(100))
        let calls: [() async throws -> Void] = [
            { _ = try await client.upload(Data("x".utf8), filename: "a.txt", timeout: timeout) },
            { _ = try await client.attachment(id: id, timeout: timeout) },
            { try await client.deleteAttachment(id: id, timeout: timeout) },
            { _ = try await client.send(Message(from: "+15550001111", to: ["+15550002222"], text: "hi"), timeout: timeout) },
        ]
        for call in calls {
            let start = ContinuousClock.now
            _ = await assertLinqError(.timeout) { try await call() }
            XCTAssertLessThan(ContinuousClock.now - start, .seconds(20) * slow)
        }
    }

    /// A zero may be the rest of a time that is over, or meant as "none": it is refused rather than guessed at.
    func testATimeoutThatIsNotPositiveIsRefused() async throws {
        let client = try sandbox.client()
        let place = try await client.presign(filename: "a.txt", size: 5)
        sandbox.calm()
        let (data, id) = (UploadSource.data(Data("hello".utf8)), place.attachmentID)
        for (timeout, shown) in [(Duration.zero, "0.0 seconds"), (.seconds(-5), "-5.0 seconds"), (.nanoseconds(-1), "seconds")] {
            let options = UploadOptions(filename: "a.txt", timeout: timeout)
            let calls: [(String, () async throws -> Void)] = [
                ("timeout", { try await client.connect(timeout: timeout) }),
                ("timeout", { try await client.connect(to: place, timeout: timeout) }),
                ("timeout", { _ = try await client.presign(filename: "a.txt", size: 5, timeout: timeout) }),
                ("timeout", { _ = try await client.upload(Data("hello".utf8), filename: "a.txt", timeout: timeout) }),
                ("timeout", { _ = try await client.upload(.stream(Chunks([Data("hello".utf8)]), size: 5), options: options) }),
                ("timeout", { _ = try await client.upload(presigned: place, from: data, options: options) }),
                ("timeout", { for try await _ in client.uploadEvents(data, options: options) {} }),
                ("timeout", { _ = try await client.attachment(id: id, timeout: timeout) }),
                ("timeout", { try await client.deleteAttachment(id: id, timeout: timeout) }),
                ("timeout", { _ = try await client.send(Message(from: "+15550001111", to: ["+15550002222"], text: "hi"), timeout: timeout) }),
                ("timeout", { _ = try await client.send(Request(.get, "/v3/x"), timeout: timeout) }),
                ("connectTimeout", { _ = try Client(Client.Configuration(usesEnvironment: false, connectTimeout: timeout)) }),
                ("stallTimeout", { _ = try Client(Client.Configuration(usesEnvironment: false, stallTimeout: timeout)) }),
            ]
            for (name, call) in calls {
                let error = await assertLinqError(.invalidArgument, has: "\(name) is ") { try await call() }
                XCTAssertTrue(error?.message.hasSuffix("\(shown); it must be more than zero") ?? false, error?.message ?? "")
                XCTAssertEqual(error?.isRetryable, false)
                XCTAssertEqual(error?.attempts, 0)
            }
        }
        XCTAssertEqual(sandbox.requests.count, 0)
    }

    func testATimeoutBoundsTheWaitingForAStream() async throws {
        let client = try sandbox.client()
        let options = UploadOptions(filename: "a.txt", timeout: .seconds(1) * slow)
        let deaf = Deaf()
        defer { deaf.release() }
        // It has given all, but not its end.
        let (complete, continuation) = AsyncStream.makeStream(of: Data.self)
        continuation.yield(Data("hello".utf8))
        let sources = [
            UploadSource.stream(deaf, size: 5), .stream(complete, size: 5),
            .stream(size: 5) {
                await deaf.wait()
                return Chunks([Data("hello".utf8)])
            },
        ]
        for source in sources {
            let start = ContinuousClock.now
            let error = await assertLinqError(.timeout, has: "stream") { try await client.upload(source, options: options) }
            let time = ContinuousClock.now - start
            XCTAssertTrue(time >= .seconds(1) * slow && time < .seconds(20) * slow, "\(time)")
            XCTAssertEqual(error?.isRetryable, true)
        }
        continuation.finish()
    }

    func testATimeoutOfAStreamTellsWhatWasDoneByThen() async throws {
        let deaf = Deaf()
        defer { deaf.release() }
        let given = Locked(0)
        let half = AsyncStream<Data>(unfolding: {
            if given({ given in given += 1; return given }) == 1 { return someBytes(100_000) }
            await deaf.wait()
            return nil
        })
        let options = UploadOptions(filename: "a.txt", timeout: .seconds(2) * slow)
        let error = await assertLinqError(.timeout, has: "stream") {
            try await sandbox.client().upload(.stream(half, size: 200_000), options: options)
        }
        XCTAssertEqual(error?.attempts, 1)
        XCTAssertEqual(error?.isRetryable, true)
        let id = try XCTUnwrap(error?.attachmentID)
        XCTAssertEqual(sandbox.puts.map { $0.path.contains(id) }, [true])
    }

    func testDurationsAreRoundedUp() {
        XCTAssertEqual(milliseconds(nil), 0)
        XCTAssertEqual(milliseconds(.zero), 1)
        XCTAssertEqual(milliseconds(.seconds(-1)), 1)
        XCTAssertEqual(milliseconds(.nanoseconds(-1)), 1)
        XCTAssertEqual(milliseconds(.nanoseconds(1)), 1)
        XCTAssertEqual(milliseconds(.milliseconds(1)), 1)
        XCTAssertEqual(milliseconds(.microseconds(1001)), 2)
        XCTAssertEqual(milliseconds(.seconds(30)), 30_000)
        XCTAssertEqual(milliseconds(.seconds(4_294_967)), .max)
        XCTAssertEqual(milliseconds(.seconds(Int64.max)), .max)
        XCTAssertEqual(milliseconds(.seconds(Int64.min)), 1)
    }
}
