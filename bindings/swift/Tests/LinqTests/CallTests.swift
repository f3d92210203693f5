import Foundation
import Linq
import XCTest

/// Everything that is not an upload: attachments, messages, content types, the log, and how a client is made.
final class CallTests: SandboxTestCase {
    func testAnAttachmentIsAskedForAndDeleted() async throws {
        let client = try sandbox.client()
        let attachment = try await client.upload(Data("hello".utf8), filename: "a.txt")
        let info = try await client.attachment(id: attachment.id, timeout: .seconds(30))
        XCTAssertEqual(info.id, attachment.id)
        XCTAssertEqual(info.filename, "a.txt")
        XCTAssertEqual(info.contentType, "text/plain")
        XCTAssertEqual(info.size, 5)
        XCTAssertLessThan(abs(info.createdAt.timeIntervalSinceNow), 120)
        XCTAssertNotNil(info.downloadURL)
        XCTAssertEqual(info.status, "complete")
        try await client.deleteAttachment(id: attachment.id)
        let error = await assertLinqError(.notFound, has: attachment.id) { try await client.attachment(id: attachment.id) }
        XCTAssertEqual(error?.httpStatus, 404)
        _ = await assertLinqError(.notFound) { try await client.deleteAttachment(id: attachment.id) }
    }

    /// One that Foundation has to write otherwise is no reason to say that there is none.
    func testADownloadURLIsWhatFoundationMakesOfIt() async throws {
        let client = try sandbox.client()
        for address in ["my photo.jpg", "späte.jpg", "a|b.jpg?X=1", "[1].jpg"].map({ "https://cdn.linqapp.com/a/\($0)" }) {
            let url = URL(string: address)
            #if !canImport(Darwin)
            XCTAssertNotNil(url)
            #endif
            sandbox.fault(#"{"side":"api","times":0,"fault":{"merge":{"download_url":"\#(address)"}}}"#)
            let attachment = try await client.upload(Data("hello".utf8), filename: "a.txt")
            XCTAssertEqual(attachment.downloadURL, url)
            let info = try await client.attachment(id: attachment.id)
            XCTAssertEqual(info.downloadURL, url)
            let place = try await client.presign(filename: "a.txt", size: 5)
            XCTAssertEqual(place.downloadURL, url)
            sandbox.calm()
        }
    }

    func testAMessageIsSent() async throws {
        let client = try sandbox.client()
        let ids = [
            try await client.upload(Data("one".utf8), filename: "1.txt").id,
            try await client.upload(Data("two".utf8), filename: "2.txt").id,
        ]
        sandbox.calm()
        let message = Message(
            from: sandbox.phone, to: ["+15550002222", "+15550003333"], text: "Grüße", attachmentIDs: ids,
            idempotencyKey: "swift-\(UUID())")
        let receipt = try await client.send(message)
        XCTAssertEqual(receipt.idempotencyKey, message.idempotencyKey)
        XCTAssertFalse(receipt.chatID.isEmpty)
        XCTAssertNotNil(receipt.messageID)
        let sent = try XCTUnwrap(sandbox.requests.first?.body)
        let body = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(sent.utf8)) as? [String: Any])
        XCTAssertEqual(body["to"] as? [String], message.to)
        XCTAssertEqual(body["from"] as? String, sandbox.phone)
        let parts = try XCTUnwrap((body["message"] as? [String: Any])?["parts"] as? [[String: Any]])
        XCTAssertEqual(parts.compactMap { $0["value"] as? String }, ["Grüße"])
        XCTAssertEqual(parts.compactMap { $0["attachment_id"] as? String }, ids)
        let again = try await client.send(message, timeout: .seconds(30))
        XCTAssertEqual(again.messageID, receipt.messageID)
        let fresh = try await client.send(Message(from: sandbox.phone, to: ["+15550002222"], text: "hi"))
        XCTAssertFalse(fresh.idempotencyKey.isEmpty)
        _ = await assertLinqError(.invalidArgument, has: "no recipient") { try await client.send(Message(from: sandbox.phone, to: [], text: "x")) }
    }

    /// A message of which nobody knows whether it arrived is sent again with the key that the library made up.
    func testAMessageThatMayHaveArrivedTellsItsKey() async throws {
        var configuration = sandbox.configuration(sandbox.api, key: sandbox.key)
        configuration.maxAttempts = 1
        let client = try Client(configuration)
        sandbox.fault(#"{"side":"api","path_contains":"/v3/chats","times":1,"fault":{"die_before_answer":"close"}}"#)
        var message = Message(from: sandbox.phone, to: ["+15550002222"], text: "look")
        let lost = message
        let error = await assertLinqError(.network) { try await client.send(lost) }
        let key = try XCTUnwrap(error?.idempotencyKey)
        XCTAssertEqual(sandbox.requests.first?.body?.contains(key), true)
        message.idempotencyKey = key
        let first = try await client.send(message)
        let second = try await client.send(message)
        XCTAssertEqual(first, second)
        let missing = await assertLinqError(.file) { try await client.upload(fileAt: URL(fileURLWithPath: "/no/such")) }
        XCTAssertEqual(missing?.systemError, ENOENT)
    }

    func testAnyOtherCallIsMade() async throws {
        let client = try sandbox.client()
        let attachment = try await client.upload(Data("hello".utf8), filename: "a.txt")
        sandbox.calm()
        let json = Data(#"{"to":["+15550002222"],"message":{"parts":[{"type":"text","value":"Grüße"}]}}"#.utf8)
        let request = Request(.post, "/v3/messages?a=b", json: json, idempotencyKey: "key-1")
        let response = try await client.send(request, timeout: .seconds(30))
        XCTAssertEqual(response.httpStatus, 202)
        XCTAssertNotNil(response.traceID)
        let answer = try XCTUnwrap(JSONSerialization.jsonObject(with: XCTUnwrap(response.json)) as? [String: Any])
        XCTAssertNotNil(answer["chat_id"])
        XCTAssertEqual(sandbox.requests.first?.body, String(decoding: json, as: UTF8.self))
        XCTAssertEqual(sandbox.requests.first?.header("Idempotency-Key"), ["key-1"])

        let lost = #"{"side":"api","path_contains":"/v3/messages","times":1,"fault":{"die_before_answer":"close"}}"#
        sandbox.fault(lost)
        let once = await assertLinqError(.network) { try await client.send(request) }
        XCTAssertEqual(once?.attempts, 1)
        XCTAssertEqual(once?.isRetryable, false)
        XCTAssertEqual(once?.idempotencyKey, "key-1")
        sandbox.fault(lost)
        let again = try await client.send(Request(.post, "/v3/messages", json: json, isRepeatable: true))
        XCTAssertEqual(again.httpStatus, 202)

        let gone = try await client.send(Request(.delete, "attachments/\(attachment.id)"))
        XCTAssertNil(gone.json)
        XCTAssertEqual(gone.httpStatus, 204)
        for (path, json) in [("https://evil.example/", nil), ("/v3/../x", nil), ("/v3/x\0", nil), ("/v3/x", Data([0xff]))] {
            let bad = Request(.post, path, json: json)
            _ = await assertLinqError(.invalidArgument) { try await client.send(bad) }
        }
    }

    func testContentTypes() {
        XCTAssertEqual(Client.contentType(of: "/tmp/a.jpg"), "image/jpeg")
        XCTAssertEqual(Client.contentType(of: nil, startingWith: Data([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52])), "image/png")
        XCTAssertEqual(Client.contentType(of: "a.md", startingWith: Data("# hello".utf8)), "text/markdown")
        XCTAssertNil(Client.contentType(of: "a.flac"))
        XCTAssertNil(Client.contentType(of: nil))
        XCTAssertNil(Client.contentType(of: "a\0.jpg"))
    }

    func testAClientIsMadeAsConfigured() async throws {
        var configuration = sandbox.configuration(sandbox.apiTLS, key: sandbox.key)
        configuration.caFile = nil
        configuration.caPEM = try String(contentsOf: sandbox.caFile, encoding: .utf8)
        configuration.userAgent = "SwiftTests/1.0"
        configuration.proxy = ""
        configuration.maxAttempts = 2
        configuration.connectTimeout = .seconds(20) * slow
        configuration.stallTimeout = .seconds(30) * slow
        let client = try Client(configuration)
        _ = try await client.upload(Data("hello".utf8), filename: "a.txt")
        XCTAssertEqual(sandbox.requests.first?.header("User-Agent").first?.hasSuffix("SwiftTests/1.0"), true)
        XCTAssertEqual(sandbox.requests.first?.header("Authorization"), ["Bearer \(sandbox.key)"])

        sandbox.fault(#"{"side":"api","fault":{"no_answer":true},"times":0}"#)
        configuration.stallTimeout = .milliseconds(400) * slow
        let impatient = try Client(configuration)
        let error = await assertLinqError(.timeout) { try await impatient.attachment(id: "550e8400-e29b-41d4-a716-446655440000") }
        XCTAssertEqual(error?.attempts, 2)
        XCTAssertEqual(error?.isRetryable, true)
        sandbox.calm()

        let svg = Data("<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>".utf8)
        _ = await assertLinqError(.unsupported, has: "SVG") {
            try await client.upload(svg, filename: "a.svg")
        }
        configuration.allowsWebPAndSVG = true
        let attachment = try await Client(configuration).upload(svg, filename: "a.svg")
        XCTAssertEqual(attachment.contentType, "image/svg+xml")
    }

    func testAProxyIsUsed() async throws {
        let api = URL(string: "https://api.linq.test:\(sandbox.apiTLS.port!)/api/partner")
        var configuration = sandbox.configuration(api, key: sandbox.key)
        configuration.proxy = sandbox.proxy
        let attachment = try await Client(configuration).upload(Data("hello".utf8), filename: "a.txt")
        XCTAssertEqual(sandbox.bytes(of: attachment.id), Data("hello".utf8))
        let asked = sandbox.requests.filter { $0.side == "proxy" }
        XCTAssertEqual(asked.first?.method, "CONNECT")
        XCTAssertEqual(asked.first?.path, "api.linq.test:\(sandbox.apiTLS.port!)")
    }

    func testConnectingTakesNoLongerThanItMay() async throws {
        var configuration = sandbox.configuration(sandbox.blackHole, key: sandbox.key)
        configuration.connectTimeout = .milliseconds(300)
        configuration.maxAttempts = 1
        let client = try Client(configuration)
        var times: [Duration] = []
        // Without it, it would be 10 s.
        while times.count < 3, times.last.map({ $0 >= .seconds(5) }) ?? true {
            let start = ContinuousClock.now
            let error = await assertLinqError(.timeout) { try await client.presign(filename: "a.txt", size: 5) }
            times.append(ContinuousClock.now - start)
            XCTAssertEqual(error?.attempts, 1)
        }
        XCTAssertTrue(times.contains { $0 >= .milliseconds(300) && $0 < .seconds(5) }, "\(times)")
    }

    func testTheEnvironmentIsReadUnlessToldNotTo() async throws {
        setenv("LINQ_API_V3_API_KEY", sandbox.key, 1)
        setenv("LINQ_API_V3_BASE_URL", sandbox.api.absoluteString, 1)
        let client = try Client()
        let without = try Client(Client.Configuration(baseURL: sandbox.api, usesEnvironment: false))
        unsetenv("LINQ_API_V3_API_KEY")
        unsetenv("LINQ_API_V3_BASE_URL")
        _ = try await client.upload(Data("hello".utf8), filename: "a.txt")
        sandbox.calm()
        let id = "550e8400-e29b-41d4-a716-446655440000"
        _ = await assertLinqError(.unauthorized, has: "set LINQ_API_V3_API_KEY") { try await without.attachment(id: id) }
        _ = await assertLinqError(.unauthorized) { try await without.deleteAttachment(id: id) }
        _ = await assertLinqError(.unauthorized) { try await without.presign(filename: "a.txt", size: 5) }
        _ = await assertLinqError(.unauthorized) { try await without.send(Message(from: "+15550001111", to: ["+15550002222"], text: "x")) }
        XCTAssertEqual(sandbox.requests.count, 0)
    }

    func testSettingsThatCannotBeMeant() async {
        _ = await assertLinqError(.invalidArgument, has: "base URL") {
            try Client(Client.Configuration(baseURL: URL(string: "ftp://example.com"), usesEnvironment: false))
        }
        _ = await assertLinqError(.file, has: "/nowhere.pem") {
            try Client(Client.Configuration(caFile: URL(fileURLWithPath: "/nowhere.pem"), usesEnvironment: false))
        }
        _ = await assertLinqError(.tls) { try Client(Client.Configuration(caPEM: "x", usesEnvironment: false)) }
        for attempts in [0, -1, Int.max] {
            _ = await assertLinqError(.invalidArgument, has: "maxAttempts is \(attempts)") {
                try Client(Client.Configuration(usesEnvironment: false, maxAttempts: attempts))
            }
        }
    }

    func testPrintingAConfigurationShowsNoSecret() {
        let configuration = Client.Configuration(apiKey: "sesame", proxy: "http://me:sesame@localhost:1")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] { XCTAssertFalse(text.contains("sesame"), text) }
    }

    func testTheVersionIsThatOfTheHeader() { XCTAssertEqual(Client.libraryVersion, "0.1.0") }

    func testTheLogIsHeardAndNotHeardAnyMore() async throws {
        let lines = Locked<[(LogLevel, String)]>([])
        let refused = Locked<(any Error)?>(nil)
        try Client.setLog(upTo: .debug) { level, line in
            lines { $0.append((level, line)) }
            do { try Client.setLog(nil) } catch { refused { $0 = error } }
        }
        let client = try sandbox.client()
        sandbox.fault(#"{"side":"api","times":1,"fault":{"respond":{"status":503}}}"#)
        _ = try await client.upload(Data("hello".utf8), filename: "a.txt")
        try Client.setLog(nil)
        let logged = lines.now
        XCTAssertTrue(logged.contains { $0.0 == .debug })
        XCTAssertTrue(logged.contains { $0.0 == .warning && $0.1.contains("503") })
        XCTAssertFalse(logged.contains { $0.1.contains(sandbox.key) || $0.1.contains("X-Amz-Signature") })
        XCTAssertEqual((refused.now as? LinqError)?.status, .invalidArgument)
        _ = try await client.upload(Data("hello".utf8), filename: "a.txt")
        XCTAssertEqual(lines.now.count, logged.count)
    }

    func testTheLogSaysNoMoreThanItMay() async throws {
        let levels = Locked<[LogLevel]>([])
        try Client.setLog(upTo: .warning) { level, _ in levels { $0.append(level) } }
        sandbox.fault(#"{"side":"api","times":1,"fault":{"respond":{"status":503}}}"#)
        _ = try await sandbox.client().upload(Data("hello".utf8), filename: "a.txt")
        try Client.setLog(nil)
        XCTAssertEqual(Set(levels.now), [.warning])
    }

    func testWhatAHandlerHoldsMaySetTheLogWhenItGoes() async throws {
        final class Owned: Sendable {
            let isGone = Locked(false)
            deinit {
                do { try Client.setLog(nil) } catch { XCTFail("\(error)") }
                isGone { $0 = true }
            }
        }
        func set() throws -> Locked<Bool> {
            let owned = Owned()
            try Client.setLog { _, _ in _ = owned }
            return owned.isGone
        }
        let isGone = try set()
        let isBack = Locked(false)
        // Of its own, so that it can be seen to hang.
        Thread.detachNewThread {
            do { try Client.setLog(nil) } catch { XCTFail("\(error)") }
            isBack { $0 = true }
        }
        await eventually("setLog comes back") { isBack.now }
        XCTAssertTrue(isGone.now)
    }

    func testTheLogIsChangedWhileItIsInUse() async throws {
        let client = try sandbox.client()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<10 {
                        _ = try await client.upload(Data("hello".utf8), filename: "a.txt")
                    }
                }
                group.addTask {
                    for _ in 0..<50 {
                        let owned = Locked(0)
                        try Client.setLog(upTo: .debug) { _, _ in
                            owned { $0 += 1 }
                            try? Client.setLog(nil)
                        }
                        await Task.yield()
                    }
                }
            }
            try await group.waitForAll()
        }
        try Client.setLog(nil)
    }

    func testEachRequestIsTold() async throws {
        sandbox.fault(
            #"{"side":"storage","method":"PUT","fault":{"respond":{"status":503,"code":"SlowDown","headers":[["retry-after-ms","20"]]}}}"#)
        let told = Locked<[Attempt]>([])
        let client = try Client(sandbox.configuration(key: sandbox.key)) { attempt in told { $0.append(attempt) } }
        let photo = try await client.upload(Data("hello".utf8), filename: "a.txt")
        _ = try await client.attachment(id: photo.id)
        let all = told.now
        XCTAssertEqual(all.map(\.step), [.reserve, .put, .put, .other])
        XCTAssertEqual(all.map(\.number), [1, 1, 2, 1])
        XCTAssertEqual(all.map(\.httpStatus), [200, 503, 200, 200])
        XCTAssertEqual(all.map(\.status), [nil, .storage, nil, nil])
        XCTAssertEqual(all.map(\.againIn), [.zero, .milliseconds(20), .zero, .zero])
        XCTAssertTrue(all[1].reason?.contains("SlowDown") ?? false)
        for attempt in all {
            let parts = attempt.lookup + attempt.connect + attempt.proxy + attempt.tls + attempt.send + attempt.wait + attempt.receive
            XCTAssertTrue(parts <= attempt.total && attempt.total - parts < .milliseconds(1), "\(attempt)")
            XCTAssertTrue(attempt.host == "127.0.0.1" && attempt.requestID != nil && attempt.bytesSent > 100)
            XCTAssertTrue(attempt.bytesReceived > 50 && (!attempt.isReused || attempt.connect == .zero), "\(attempt)")
        }
    }

    func testAConnectionIsMadeBeforeItIsNeeded() async throws {
        let told = Locked<[Attempt]>([])
        let client = try Client(sandbox.configuration(sandbox.apiTLS, key: sandbox.key)) { attempt in told { $0.append(attempt) } }
        try await client.connect()
        XCTAssertEqual(sandbox.requests.count, 0)
        XCTAssertEqual(told.now, [])
        let place = try await client.presign(filename: "a.txt", size: 5)
        XCTAssertEqual(told.now.map(\.isReused), [true])

        let phone = try Client(
            Client.Configuration(caFile: sandbox.caFile, usesEnvironment: false, allowsHTTPLoopback: true)
        ) { attempt in told { $0.append(attempt) } }
        sandbox.calm()
        try await phone.connect(to: place, timeout: .seconds(30))
        XCTAssertEqual(sandbox.requests.count, 0)
        let photo = try await phone.upload(presigned: place, from: .data(Data("hello".utf8)))
        XCTAssertEqual(sandbox.bytes(of: photo.id), Data("hello".utf8))
        XCTAssertEqual(told.now.map(\.step), [.reserve, .put])
        XCTAssertEqual(told.now.map(\.isReused), [true, true])
    }

    func testAConnectionThatCannotBeMade() async throws {
        let nobody = try Client(Client.Configuration(baseURL: URL(string: "http://127.0.0.1:1"), usesEnvironment: false, maxAttempts: 1))
        let refused = await assertLinqError(.network, has: "127.0.0.1") { try await nobody.connect() }
        XCTAssertEqual(refused?.systemError, ECONNREFUSED)
        let lost = try Client(Client.Configuration(baseURL: sandbox.blackHole, usesEnvironment: false, maxAttempts: 1))
        _ = await assertLinqError(.timeout) { try await lost.connect(timeout: .milliseconds(200)) }
        let time = await cancelled({ try await lost.connect() }) { try? await Task.sleep(for: .milliseconds(100)) }
        XCTAssertLessThan(time, .seconds(5) * slow)
    }

    /// A program that sends messages has such types itself: its own hide these, which are still there by the module's name.
    func testTheModuleIsTheNamespace() throws {
        struct Message { let from: Linq.Message }
        enum Client { static func make(_ configuration: Linq.Client.Configuration) throws -> Linq.Client { try Linq.Client(configuration) } }
        let message = Message(from: Linq.Message(from: "+15550001111", to: ["+15550002222"], text: "hi"))
        XCTAssertEqual(message.from.text, "hi")
        _ = try Client.make(.init(usesEnvironment: false))
    }

    func testPrintingAnAttachmentShowsNoSignature() async throws {
        let signed = "https://cdn.linqapp.com/a/photo.jpg?X-Amz-Signature=5ec2e7"
        sandbox.fault(#"{"side":"api","times":0,"fault":{"merge":{"download_url":"\#(signed)"}}}"#)
        let client = try sandbox.client()
        let photo = try await client.upload(Data("hello".utf8), filename: "a.txt")
        let info = try await client.attachment(id: photo.id)
        XCTAssertEqual([photo.downloadURL, info.downloadURL], [URL(string: signed), URL(string: signed)])
        let values: [Any] = [photo, info, UploadEvent.finished(photo), [photo], Optional(info) as Any]
        for value in values {
            var dumped = ""
            dump(value, to: &dumped)
            for text in ["\(value)", String(reflecting: value), dumped] {
                XCTAssertTrue(text.contains(photo.id) && text.contains("a.txt"), text)
                XCTAssertTrue(text.contains("https://cdn.linqapp.com/a/photo.jpg?…"), text)
                XCTAssertFalse(text.contains("5ec2e7"), text)
            }
        }
        let plain = Attachment(id: "1", downloadURL: URL(string: "https://cdn.linqapp.com/a"), filename: "a", contentType: "b", size: 1)
        XCTAssertTrue("\(plain)".contains("\"https://cdn.linqapp.com/a\""), "\(plain)")
    }

    func testTheNetworkMayChange() async throws {
        let reused = Locked<[Bool]>([])
        let client = try Client(sandbox.configuration(key: sandbox.key)) { attempt in
            // Not the PUT: its connection may have been made while the place was reserved.
            if attempt.step == .reserve { reused { $0.append(attempt.isReused) } }
        }
        for _ in 0..<3 {
            _ = try await client.upload(someBytes(100_000), filename: "a.txt") { _ in client.networkChanged() }
        }
        XCTAssertFalse(reused.now.contains(true))
        _ = try await client.upload(someBytes(5), filename: "a.txt")
        _ = try await client.upload(someBytes(5), filename: "a.txt")
        XCTAssertEqual(reused.now.suffix(2), [false, true])
    }
}
