import Foundation
import XCTest

@testable import Linq

/// The threads that calls run on, and what is left behind: nothing.
final class ThreadTests: SandboxTestCase {
    private static let options = UploadOptions(filename: "a.txt")

    /// A job that stays on its thread until it is let go.
    private final class Gate: Sendable {
        private let semaphore = DispatchSemaphore(value: 0)
        let inside = Locked(0)

        func wait() {
            inside { $0 += 1 }
            semaphore.wait()
            inside { $0 -= 1 }
        }

        func open(_ count: Int) { for _ in 0..<count { semaphore.signal() } }
    }

    func testThereAreAsManyAsNeededAndNoMoreThanTheLimit() async throws {
        let threads = CallThreads(limit: 3, most: 12, idleTime: 0.1)
        let gate = Gate()
        let order = Locked<[Int]>([])
        let calls = (0..<10).map { number in
            Task {
                try await onThread(of: threads) { _ in
                    order { $0.append(number) }
                    gate.wait()
                    return number
                }
            }
        }
        await eventually("three run") { gate.inside.now == 3 && threads.queued == 7 }
        XCTAssertEqual(threads.count, 3)
        gate.open(10)
        for (number, call) in calls.enumerated() {
            let value = try await call.value
            XCTAssertEqual(value, number)
        }
        XCTAssertEqual(order.now.sorted(), Array(0..<10))
        await eventually("the threads end when there was nothing to do for a while") { threads.count == 0 }
        let again = try await onThread(of: threads) { _ in 5 }
        XCTAssertEqual(again, 5)
    }

    func testWhoIsCancelledWhileWaitingThrowsAtOnce() async throws {
        let threads = CallThreads(limit: 1, most: 4, idleTime: 0.1)
        let gate = Gate()
        let first = Task { try await onThread(of: threads) { _ in gate.wait() } }
        await eventually("the thread is busy") { gate.inside.now == 1 }
        let ran = Locked(false)
        try await assertPrompt("while waiting for a thread") {
            let time = await cancelled({ try await onThread(of: threads) { _ in ran { $0 = true } } }) {
                await eventually("it waits") { threads.queued == 1 }
            }
            XCTAssertEqual(threads.queued, 0)
            return time
        }
        gate.open(1)
        try await first.value
        XCTAssertFalse(ran.now)
    }

    func testATimeoutCountsWhileWaitingForAThread() async throws {
        let threads = CallThreads(limit: 1, most: 4, idleTime: 0.1)
        let gate = Gate()
        let first = Task { try await onThread(of: threads) { _ in gate.wait() } }
        await eventually("the thread is busy") { gate.inside.now == 1 }
        let ran = Locked(false)
        for timeout in [Duration.milliseconds(100), .zero] {
            let error = await assertLinqError(.timeout, has: "thread") {
                try await onThread(of: threads, until: Deadline(timeout)) { _ in ran { $0 = true } }
            }
            XCTAssertEqual(error?.isRetryable, true)
            XCTAssertEqual(threads.queued, 0)
        }
        gate.open(1)
        try await first.value
        XCTAssertFalse(ran.now)
        // Once it runs, its own timeout is not waited for, but it is informed.
        let value = try await onThread(of: threads, until: Deadline(.seconds(Int64.max))) { _ in 5 }
        XCTAssertEqual(value, 5)
        let told = DispatchSemaphore(value: 0)
        let wasTold = try await onThread(of: threads, until: Deadline(.milliseconds(100)), expired: { told.signal() }) { _ in
            told.wait(timeout: .now() + 30) == .success
        }
        XCTAssertTrue(wasTold)
    }

    func testTenThousandThatWaitAreCancelled() async throws {
        let threads = CallThreads(limit: 2, most: 8, idleTime: 0.1)
        let gate = Gate()
        let busy = (0..<2).map { _ in Task { try await onThread(of: threads) { _ in gate.wait() } } }
        await eventually("both are busy") { gate.inside.now == 2 }
        let descriptors = openDescriptors()
        let waiting = (0..<10_000).map { _ in Task { try await onThread(of: threads) { _ in } } }
        await eventually("all wait") { threads.queued == 10_000 }
        XCTAssertLessThanOrEqual(openDescriptors(), descriptors)
        waiting.forEach { $0.cancel() }
        var cancelled = 0
        for call in waiting { do { try await call.value } catch { cancelled += 1 } }
        XCTAssertEqual(cancelled, 10_000)
        XCTAssertEqual(threads.queued, 0)
        gate.open(2)
        for call in busy { try await call.value }
    }

    func testACancelledTaskTakesNoThread() async {
        let threads = CallThreads(limit: 1, most: 4, idleTime: 0.1)
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            try await onThread(of: threads) { _ in XCTFail("it ran") }
        }
        task.cancel()
        do { try await task.value } catch { XCTAssertTrue(error is CancellationError) }
        XCTAssertEqual(threads.count, 0)
    }

    func testCancellingAtAnyMomentResumesOnce() async {
        let threads = CallThreads(limit: 4, most: 16, idleTime: 0.1)
        await withTaskGroup(of: Void.self) { group in
            for round in 0..<2000 {
                group.addTask {
                    let call = Task { try await onThread(of: threads) { _ in round } }
                    for _ in 0..<(round % 7) { await Task.yield() }
                    call.cancel()
                    do {
                        let value = try await call.value
                        XCTAssertEqual(value, round)
                    } catch { XCTAssertTrue(error is CancellationError) }
                }
            }
        }
        XCTAssertEqual(threads.queued, 0)
        await eventually("the threads end") { threads.count == 0 }
    }

    func testCallersCodeThatWaitsDoesNotCount() async throws {
        let threads = CallThreads(limit: 1, most: 4, idleTime: 0.1)
        let gate = Gate()
        let outer = Task { try await onThread(of: threads) { _ in threads.outside { gate.wait() } } }
        await eventually("it waits in the caller's code") { gate.inside.now == 1 }
        try await onThread(of: threads) { _ in gate.open(1) }
        try await outer.value
    }

    func testTheLimitsLeaveDescriptorsToTheProcess() {
        for (descriptors, atWork, inAll) in [
            (16, 8, 16), (256, 32, 64), (512, 64, 128), (1024, 64, 256), (1 << 30, 64, 256), (-1, 64, 256),
        ] {
            let limits = CallThreads.limits(descriptors: descriptors)
            XCTAssertEqual(limits.atWork, atWork, "\(descriptors)")
            XCTAssertEqual(limits.inAll, inAll, "\(descriptors)")
        }
    }

    /// Each of them has sent half of its bytes when it waits.
    func testFiveHundredStreamsThatWait() async throws {
        let client = try sandbox.client()
        let half = someBytes(100_000)
        let deaf = Deaf()
        let uploads = (0..<500).map { _ in
            Task {
                let given = Locked(0)
                let stream = AsyncStream<Data>(unfolding: {
                    switch given({ given in given += 1; return given }) {
                    case 1: return half
                    case 2:
                        await deaf.wait()
                        return half
                    default: return nil
                    }
                })
                return try await client.upload(.stream(stream, size: 200_000), options: Self.options)
            }
        }
        let most = CallThreads.shared.most
        await eventually("as many wait as may") { deaf.waiters == most }
        XCTAssertEqual(CallThreads.shared.count, most)
        XCTAssertEqual(CallThreads.shared.queued, 500 - most)
        print("\(most) streams wait: \(openDescriptors()) descriptors")
        deaf.release()
        for upload in uploads {
            let attachment = try await upload.value
            XCTAssertEqual(attachment.size, 200_000)
            XCTAssertLessThanOrEqual(CallThreads.shared.count, most)
        }
    }

    /// More uploads than may be at work, but one less than there are threads, wait here for streams that wait for uploads.
    func testUploadsWithinStreamsDoNotWaitForEachOther() async throws {
        let client = try sandbox.client()
        let options = UploadOptions(filename: "a.txt", timeout: .seconds(60) * slow)
        let count = min(80, CallThreads.shared.most - 1)
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<count {
                group.addTask {
                    let source = UploadSource.stream(size: 36) {
                        let inner = try await client.upload(.data(Data("inner".utf8)), options: options)
                        return Chunks([Data(inner.id.utf8)])
                    }
                    return try await client.upload(source, options: options).id
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for id in ids {
            let inner = String(decoding: sandbox.bytes(of: id), as: UTF8.self)
            XCTAssertEqual(sandbox.bytes(of: inner), Data("inner".utf8))
        }
        XCTAssertEqual(Set(ids).count, count)
    }

    /// Calls that hang do not hold up the cooperative threads, and one that waits for them is cancelled at once.
    func testAFullHouse() async throws {
        sandbox.fault(#"{"side":"api","times":0,"fault":{"no_answer":true}}"#)
        var configuration = sandbox.configuration(key: sandbox.key)
        // Those that hang are not to try again while this lasts.
        configuration.stallTimeout = .seconds(120) * slow
        let client = try Client(configuration)
        let limit = CallThreads.shared.limit
        let hanging = (0..<limit).map { _ in Task { try await client.presign(filename: "a.txt", size: 5) } }
        await eventually("all run") { sandbox.requests.count == limit }
        try await assertPrompt("in a full house") {
            await cancelled({ _ = try await client.presign(filename: "b.txt", size: 5) }) {
                await eventually("it waits") { CallThreads.shared.queued == 1 }
            }
        }
        XCTAssertEqual(sandbox.requests.count, limit)
        hanging.forEach { $0.cancel() }
        for call in hanging {
            do {
                _ = try await call.value
                XCTFail("it was not cancelled")
            } catch { XCTAssertTrue(error is CancellationError) }
        }
        XCTAssertEqual(sandbox.requests.count, limit)
    }

    /// A program that the process starts must not get it.
    func testAnOpenFileIsKeptForThisProcess() throws {
        let handle = try FileHandle(forReadingFrom: temporaryFile("a.txt", Data("hello".utf8)))
        let file = OpenFile(handle)
        XCTAssertEqual(fcntl(file.descriptor, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC)
        try handle.close()
    }

    func testTheClientGoesWithItsLastCall() async throws {
        weak var released: Client?
        let call: Task<Presigned, any Error>
        do {
            let client = try sandbox.client()
            released = client
            sandbox.fault(#"{"side":"api","times":1,"fault":{"delay_ms":200}}"#)
            call = Task { try await client.presign(filename: "a.txt", size: 5) }
        }
        let place = try await call.value
        XCTAssertEqual(place.size, 5)
        await eventually("the client is released") { released == nil }
    }

    /// What the test of a stream held is released when the upload is over, however it ended.
    func testNothingIsLeft() async throws {
        final class Owned: Sendable {}
        let client = try sandbox.client()
        let data = someBytes(50_000)
        func round(_ number: Int) async throws {
            weak var owned: Owned?
            do {
                let own = Owned()
                owned = own
                let source = UploadSource.stream(size: data.count) {
                    _ = own
                    return Chunks([data])
                }
                let task = Task {
                    _ = try await client.upload(source, options: Self.options) { _ in _ = own }
                }
                if number % 3 == 0 { task.cancel() }
                do { _ = try await task.value } catch is CancellationError {}
            }
            await eventually("what the closures held is released") { owned == nil }
            for try await _ in client.uploadEvents(.data(data), options: Self.options) {}
            _ = await assertLinqError(.file) { try await client.upload(fileAt: URL(fileURLWithPath: "/nowhere")) }
        }
        for number in 0..<20 { try await round(number) }
        await eventually("the pooled connections are as many as ever") { openDescriptors() < 200 }
        let (descriptors, memory) = (openDescriptors(), residentMemory())
        for number in 0..<300 { try await round(number) }
        await eventually("no descriptor is left") { openDescriptors() <= descriptors + 2 }
        let grown = residentMemory() - memory
        print("after 900 uploads: \(openDescriptors() - descriptors) more descriptors, \(grown / 1024) KiB more memory")
        if slow < 10 { XCTAssertLessThan(grown, 8 << 20) }
        await eventually("the threads end") { CallThreads.shared.count == 0 }
    }
}

/// Linux only; 0 elsewhere.
private func openDescriptors() -> Int { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0 }

private func residentMemory() -> Int {
    guard let pages = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1] else { return 0 }
    return (Int(pages) ?? 0) * 4096
}
