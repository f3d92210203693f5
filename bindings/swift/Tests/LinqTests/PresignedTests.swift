import Foundation
import Linq
import XCTest
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The split use: a server reserves, an app without the key uploads, and only JSON goes between them.
final class PresignedTests: SandboxTestCase {
    private func reserve(_ name: String = "a.txt", size: Int = 5) async throws -> Presigned {
        try await sandbox.client().presign(filename: name, size: size)
    }

    /// Linq's own reply, as a server in any language may hand it on.
    static let reply = """
        {"attachment_id":"550e8400-e29b-41d4-a716-446655440000",
        "upload_url":"https://uploads.linqapp.com/attachments/x?X-Amz-Signature=s%2Fs+1",
        "expires_at":"2024-01-15T10:45:00Z","http_method":"PUT",
        "required_headers":{"Content-Type":"image/jpeg","Content-Length":"1024000"},
        "download_url":"https://cdn.linqapp.com/a/photo.jpg","new_field":[1,{"a":null,"b":0.5,"c":true}]}
        """

    func testAPlaceIsReservedWithAllThatIsKnown() async throws {
        let place = try await reserve("photo.jpg", size: 12345)
        XCTAssertEqual(place.attachmentID.count, 36)
        XCTAssertEqual(place.uploadURL.scheme, "http")
        XCTAssertEqual(place.httpMethod, "PUT")
        XCTAssertEqual(place.filename, "photo.jpg")
        XCTAssertEqual(place.contentType, "image/jpeg")
        XCTAssertEqual(place.size, 12345)
        XCTAssertEqual(place.headers["Content-Type"], "image/jpeg")
        let left = place.expiresAt.timeIntervalSinceNow
        XCTAssertTrue(left > 10 * 60 && left < 20 * 60)
        XCTAssertNotNil(place.downloadURL)
    }

    func testLinqsReplyVerbatimIsUnderstood() throws {
        for place in try [
            Presigned(json: Data(Self.reply.utf8)), JSONDecoder().decode(Presigned.self, from: Data(Self.reply.utf8)),
        ] {
            XCTAssertEqual(place.attachmentID, "550e8400-e29b-41d4-a716-446655440000")
            XCTAssertEqual(place.uploadURL.absoluteString, "https://uploads.linqapp.com/attachments/x?X-Amz-Signature=s%2Fs+1")
            XCTAssertEqual(place.expiresAt.timeIntervalSince1970, 1_705_315_500)
            XCTAssertEqual(place.headers, ["Content-Type": "image/jpeg", "Content-Length": "1024000"])
            XCTAssertEqual(place.downloadURL?.absoluteString, "https://cdn.linqapp.com/a/photo.jpg")
            XCTAssertNil(place.filename)
            XCTAssertEqual(place.contentType, "image/jpeg")
            XCTAssertEqual(place.size, 1_024_000)
        }
    }

    func testAnUploadURLIsTakenAsItIsOrNotAtAll() async {
        for query in ["X=[1]", "X=a|b", "X=ä"] {
            let reply = Self.reply.replacingOccurrences(of: "X-Amz-Signature=s%2Fs+1", with: query)
            do {
                let place = try Presigned(json: Data(reply.utf8))
                XCTAssertTrue(place.uploadURL.absoluteString.hasSuffix("?\(query)"))
            } catch {
                XCTAssertEqual((error as? LinqError)?.status, .protocol, "\(error)")
            }
        }
        _ = await assertLinqError(.protocol, has: "upload_url") {
            try Presigned(json: Data(Self.reply.replacingOccurrences(of: "X-Amz-Signature=s%2Fs+1", with: "X=ä").utf8))
        }
    }

    func testTheContentTypeIsTheCallers() async throws {
        let place = try await sandbox.client().presign(filename: "x.txt", contentType: "text/markdown", size: 5)
        XCTAssertEqual(place.contentType, "text/markdown")
        XCTAssertEqual(place.headers["Content-Type"], "text/markdown")
    }

    func testItsJSONMeansTheSame() async throws {
        let place = try await reserve()
        XCTAssertEqual(try Presigned(json: Data(place.json.utf8)), place)

        // Inside something else, and with strategies that are meant for the names of Swift's properties.
        struct Answer: Codable, Equatable { let presignedPlace: Presigned; let other: Int }
        let encoder = JSONEncoder()
        let decoder = JSONDecoder()
        for _ in 0..<2 {
            let answer = Answer(presignedPlace: place, other: 5)
            XCTAssertEqual(try decoder.decode(Answer.self, from: encoder.encode(answer)), answer)
            encoder.keyEncodingStrategy = .convertToSnakeCase
            decoder.keyDecodingStrategy = .convertFromSnakeCase
        }

        let fields = { (json: Data) in try JSONSerialization.jsonObject(with: json) as? NSDictionary }
        XCTAssertEqual(try fields(encoder.encode(place)), try fields(Data(place.json.utf8)))
        let names = try XCTUnwrap(try fields(encoder.encode(place))?.allKeys as? [String])
        XCTAssertEqual(
            names.sorted(),
            [
                "attachment_id", "content_type", "download_url", "expires_at", "filename", "http_method", "required_headers",
                "size_bytes", "upload_url",
            ])
        XCTAssertEqual(Set([place, try Presigned(json: encoder.encode(place))]).count, 1)
        let other = try await reserve()
        XCTAssertNotEqual(place, other)
    }

    func testWhatIsNoSuchJSONIsRefused() async throws {
        let good = try await reserve().json
        for json in ["", "x", "null", "[]", "{}", good.replacingOccurrences(of: "\"PUT\"", with: "\"POST\"")] {
            _ = await assertLinqError(.invalidArgument, has: "JSON") { try Presigned(json: Data(json.utf8)) }
        }
        _ = await assertLinqError(.invalidArgument, has: "JSON") {
            try JSONDecoder().decode(Presigned.self, from: Data(#"{"attachment_id":5}"#.utf8))
        }
        XCTAssertThrowsError(try JSONDecoder().decode(Presigned.self, from: Data("{".utf8))) {
            XCTAssertTrue($0 is DecodingError)
        }
    }

    func testPrintingShowsNothingToUploadWith() async throws {
        let place = try await reserve()
        var dumped = ""
        dump(place, to: &dumped)
        for text in ["\(place)", String(reflecting: place), dumped, "\([place])"] {
            XCTAssertTrue(text.contains(place.attachmentID), text)
            XCTAssertFalse(text.contains("X-Amz"), text)
        }
    }

    func testAnAppWithoutTheKeyUploads() async throws {
        let json = try await reserve().json
        sandbox.calm()
        let place = try Presigned(json: Data(json.utf8))
        let seen = Locked(0)
        let attachment = try await sandbox.phoneClient().upload(
            presigned: place, from: .data(Data("hello".utf8)), progress: { state in seen { $0 = state.sent } })
        XCTAssertEqual(attachment.id, place.attachmentID)
        XCTAssertEqual(attachment.filename, "a.txt")
        XCTAssertEqual(attachment.contentType, "text/plain")
        XCTAssertEqual(seen.now, 5)
        XCTAssertEqual(sandbox.bytes(of: attachment.id), Data("hello".utf8))
        XCTAssertEqual(sandbox.requests.count, 1)
        XCTAssertEqual(sandbox.puts.first?.header("Authorization"), [])
    }

    func testTheSameWithEventsFromAStreamAndAFile() async throws {
        let client = try sandbox.phoneClient()
        let file = try temporaryFile("other name.txt", Data("hello".utf8))
        for source in [UploadSource.stream(Chunks([Data("hel".utf8), Data("lo".utf8)]), size: 5), .file(file)] {
            let place = try await reserve()
            var id = ""
            for try await event in client.uploadEvents(presigned: place, from: source) {
                if case .finished(let attachment) = event { id = attachment.id }
            }
            XCTAssertEqual(id, place.attachmentID)
            XCTAssertEqual(sandbox.bytes(of: id), Data("hello".utf8))
        }
    }

    func testWhatURLSessionGotIsValidated() async throws {
        let place = try await reserve()
        let file = try temporaryFile("a.txt", Data("hello".utf8))
        let put = { @Sendable () async throws -> (URLResponse, Data) in
            try await withCheckedThrowingContinuation { continuation in
                URLSession.shared.uploadTask(with: place.urlRequest, fromFile: file) { body, response, error in
                    guard let response else { return continuation.resume(throwing: error!) }
                    continuation.resume(returning: (response, body ?? Data()))
                }.resume()
            }
        }
        for (json, status, code, part, isRetryable) in [
            (#"{"status":503,"code":"SlowDown"}"#, LinqError.Status.storage, "SlowDown", "refused with status 503", true),
            (#"{"status":403,"code":"SignatureDoesNotMatch"}"#, .storage, "SignatureDoesNotMatch", "status 403", false),
            (#"{"status":200,"headers":[],"body":"<Error><Code>InternalError</Code></Error>"}"#, .storage, "InternalError", "200", true),
            (#"{"status":200,"headers":[],"body":"<html>Log in"}"#, .protocol, nil, "web page", true),
        ] as [(String, LinqError.Status, String?, String, Bool)] {
            sandbox.fault(#"{"side":"storage","times":1,"fault":{"respond":\#(json)}}"#)
            let (response, body) = try await put()
            let error = await assertLinqError(status, has: part) { try place.validate(response: response, body: body) }
            XCTAssertEqual(error?.storageCode, code)
            XCTAssertEqual(error?.attachmentID, place.attachmentID)
            XCTAssertEqual(error?.httpStatus, (response as? HTTPURLResponse)?.statusCode)
            XCTAssertEqual(error?.isRetryable, isRetryable)
        }
        let (response, body) = try await put()
        try place.validate(response: response, body: body)
        XCTAssertEqual(sandbox.bytes(of: place.attachmentID), Data("hello".utf8))

        sandbox.fault(#"{"side":"api","method":"POST","times":1,"fault":{"expired":true}}"#)
        let old = try await reserve()
        let (refusal, words): (URLResponse, Data) = try await withCheckedThrowingContinuation { continuation in
            URLSession.shared.uploadTask(with: old.urlRequest, fromFile: file) { body, response, error in
                guard let response, let body else { return continuation.resume(throwing: error!) }
                continuation.resume(returning: (response, body))
            }.resume()
        }
        let expired = await assertLinqError(.expired, has: "reserve a new one") { try old.validate(response: refusal, body: words) }
        XCTAssertEqual(expired?.storageCode, "AccessDenied")
        XCTAssertNotNil(expired?.storageRequestID)
        XCTAssertEqual(expired?.isRetryable, false)
        let other = URLResponse(url: file, mimeType: nil, expectedContentLength: 0, textEncodingName: nil)
        _ = await assertLinqError(.invalidArgument, has: "not an HTTP response") { try place.validate(response: other, body: Data()) }
    }

    func testURLSessionUploadsItsRequest() async throws {
        let place = try await reserve("photo.jpg", size: 3_000)
        let data = someBytes(3_000)
        let request = place.urlRequest
        XCTAssertEqual(request.url, place.uploadURL)
        XCTAssertEqual(request.httpMethod, "PUT")
        XCTAssertNotNil(place.headers["Content-Length"])
        XCTAssertEqual(request.allHTTPHeaderFields, place.headers.filter { $0.key != "Content-Length" && $0.key != "Host" })
        XCTAssertEqual(request.value(forHTTPHeaderField: "Content-Type"), "image/jpeg")
        XCTAssertNil(request.httpBody)
        XCTAssertNil(request.httpBodyStream)
        let file = try temporaryFile("photo.jpg", data)
        sandbox.calm()
        let answer: URLResponse = try await withCheckedThrowingContinuation { continuation in
            URLSession.shared.uploadTask(with: request, fromFile: file) { _, answer, error in
                if let answer { continuation.resume(returning: answer) } else { continuation.resume(throwing: error!) }
            }.resume()
        }
        XCTAssertEqual((answer as? HTTPURLResponse)?.statusCode, 200)
        XCTAssertEqual(sandbox.bytes(of: place.attachmentID), data)
        XCTAssertEqual(sandbox.puts.first?.header("Content-Length"), ["3000"])
    }

    func testWhatWasNotSignedForIsRefusedBeforeAnyNetwork() async throws {
        let place = try await reserve()
        sandbox.calm()
        let client = try sandbox.phoneClient()
        let error = await assertLinqError(.unsupported, has: "6") {
            try await client.upload(presigned: place, from: .data(Data("hello!".utf8)))
        }
        XCTAssertEqual(error?.attempts, 0)
        _ = await assertLinqError(.unsupported, has: "image/png") {
            try await client.upload(
                presigned: place, from: .data(Data("hello".utf8)), options: UploadOptions(contentType: "image/png"))
        }
        XCTAssertEqual(sandbox.requests.count, 0)
    }

    func testAPlaceThatExpiredIsToldAsSuch() async throws {
        sandbox.fault(#"{"side":"api","method":"POST","times":1,"fault":{"expired":true}}"#)
        let place = try await reserve()
        let error = await assertLinqError(.expired) {
            try await sandbox.phoneClient().upload(presigned: place, from: .data(Data("hello".utf8)))
        }
        XCTAssertEqual(error?.httpStatus, 403)
        XCTAssertEqual(error?.storageCode, "AccessDenied")
        XCTAssertNotNil(error?.storageRequestID)
        XCTAssertEqual(error?.attachmentID, place.attachmentID)
        XCTAssertEqual(error?.attempts, 1)
        XCTAssertEqual(error?.message.contains("X-Amz-Signature"), false)
    }

    private func expired(size: Int = 5) async throws -> Presigned {
        sandbox.fault(#"{"side":"api","method":"POST","fault":{"expired":true}}"#)
        return try await reserve(size: size)
    }

    private struct Mine: Error, Equatable {}

    func testAnExpiredPlaceIsRenewed() async throws {
        let (old, next) = (try await expired(), try await reserve())
        let photo = try await sandbox.client().upload(presigned: old, from: .data(Data("hello".utf8))) { _ in
        } renew: { expired in
            XCTAssertEqual(expired, old)
            try await Task.sleep(for: .milliseconds(5))
            return next
        }
        XCTAssertEqual(photo.id, next.attachmentID)
        XCTAssertEqual(photo.attempts, 2)
    }

    func testARenewalThatFails() async throws {
        let (old, other, client) = (try await expired(), try await reserve(size: 6), try sandbox.client())
        let upload = { @Sendable (renew: @escaping @Sendable (Presigned) async throws -> Presigned?) in
            _ = try await client.upload(presigned: old, from: .data(Data("hello".utf8)), renew: renew)
        }
        do {
            try await upload { _ in throw Mine() }
            XCTFail("it should have failed")
        } catch {
            XCTAssertEqual(error as? Mine, Mine())
        }
        let none = await assertLinqError(.expired) { try await upload { _ in nil } }
        XCTAssertEqual(none?.attempts, 2)
        _ = await assertLinqError(.unsupported) { try await upload { _ in other } }
        _ = await assertLinqError(.expired, has: "it was renewed just now") { try await upload { $0 } }
    }

    func testCancellingARenewal() async throws {
        let (old, client) = (try await expired(), try sandbox.client())
        let began = expectation(description: "it was asked"), left = expectation(description: "its task was cancelled")
        let task = Task {
            try await client.upload(presigned: old, from: .data(Data("hello".utf8)), renew: { _ in
                began.fulfill()
                defer { left.fulfill() }
                try await Task.sleep(for: .seconds(60))
                return nil
            })
        }
        await fulfillment(of: [began], timeout: 30)
        task.cancel()
        do {
            _ = try await task.value
            XCTFail("it should have been cancelled")
        } catch {
            XCTAssertTrue(error is CancellationError, "\(error)")
        }
        await fulfillment(of: [left], timeout: 30)
    }

    func testATimeoutInARenewal() async throws {
        let (old, client) = (try await expired(), try sandbox.client())
        let options = UploadOptions(timeout: .milliseconds(500))
        let error = await assertLinqError(.timeout, has: "the timeout is over, and no other place was given") {
            _ = try await client.upload(presigned: old, from: .data(Data("hello".utf8)), options: options, renew: { _ in
                try? await Task.sleep(for: .seconds(3))
                return nil
            })
        }
        XCTAssertEqual(error?.attachmentID, old.attachmentID)
    }
}
