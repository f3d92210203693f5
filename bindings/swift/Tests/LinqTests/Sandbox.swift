import Foundation
import Linq
import XCTest

/// The stand-in for Linq, as a program of its own; see sandbox/README.md. It ends with this process.
final class Sandbox: Sendable {
    static let shared = try! Sandbox()

    private struct Ready: Decodable {
        let api, api_tls, control, proxy, black_hole, ca_file, key, phone: String
    }

    struct Request: Decodable {
        let side: String
        let method: String
        let path: String
        let headers: [[String]]
        let body_bytes: Int
        let body: String?
        let body_sha256: String?
        let status: Int?
        /// How it ended; `nil` while it lasts.
        let ended: String?

        func header(_ name: String) -> [String] {
            headers.filter { $0[0].lowercased() == name.lowercased() }.map { $0[1] }
        }
    }

    struct Object: Decodable {
        let attachment_id: String
        let filename: String
        let content_type: String
        let size: Int
        let sha256: String?
        let puts: Int
    }

    private struct Fault: Decodable { let injected: Int }

    let api: URL
    let apiTLS: URL
    let proxy: String
    let blackHole: URL
    let caFile: URL
    let key: String
    let phone: String
    private let port: UInt16
    private let process: Process
    private let input: Pipe

    private init() throws {
        let environment = ProcessInfo.processInfo.environment
        process = Process()
        process.executableURL = URL(
            fileURLWithPath: environment["LINQ_SANDBOX"] ?? repository.appendingPathComponent("target/debug/linq-sandbox").path)
        process.arguments = ["--exit-with-stdin"]
        input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line = Data()
        while line.last != UInt8(ascii: "\n") {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { fatalError("the sandbox did not start") }
            line += more
        }
        let ready = try JSONDecoder().decode(Ready.self, from: line)
        api = URL(string: ready.api)!
        apiTLS = URL(string: ready.api_tls)!
        proxy = ready.proxy
        blackHole = URL(string: ready.black_hole + "/api/partner")!
        caFile = URL(fileURLWithPath: ready.ca_file)
        (key, phone) = (ready.key, ready.phone)
        port = UInt16(URL(string: ready.control)!.port!)
    }

    /// Asks the control endpoint. A socket of its own, as URLSession keeps connections, which the tests count.
    @discardableResult
    func control(_ method: String, _ path: String, _ json: String = "") -> Data {
        #if canImport(Glibc)
        let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        let connection = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        defer { close(connection) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        precondition(connected == 0, "the sandbox is gone")
        let request = """
            \(method) \(path) HTTP/1.1\r\nHost: control\r\nConnection: close\r\nContent-Type: application/json\r
            Content-Length: \(json.utf8.count)\r\n\r\n\(json)
            """
        var left = Array(request.utf8)[...]
        while !left.isEmpty { left = left.dropFirst(max(0, left.withUnsafeBytes { write(connection, $0.baseAddress, $0.count) })) }
        var answer = Data()
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = read(connection, &buffer, buffer.count), count > 0 { answer += buffer[..<count] }
        let end = answer.range(of: Data("\r\n\r\n".utf8))!
        let head = String(decoding: answer[..<end.lowerBound], as: UTF8.self)
        precondition(head.hasPrefix("HTTP/1.1 20"), "\(method) \(path): \(head)")
        return Data(answer[end.upperBound...])
    }

    /// Forgets the faults and the requests that were logged.
    func calm() {
        control("DELETE", "/faults")
        control("DELETE", "/requests")
    }

    func fault(_ json: String) { control("POST", "/faults", json) }

    var requests: [Request] { try! JSONDecoder().decode([Request].self, from: control("GET", "/requests")) }
    var puts: [Request] { requests.filter { $0.method == "PUT" } }
    var objects: [Object] { try! JSONDecoder().decode([Object].self, from: control("GET", "/objects")) }
    var faultsInjected: Int {
        try! JSONDecoder().decode([Fault].self, from: control("GET", "/faults")).reduce(0) { $0 + $1.injected }
    }

    func bytes(of id: String) -> Data { control("GET", "/objects/\(id)") }

    /// A configuration of a client with the key, and nothing from the environment.
    func configuration(_ api: URL? = nil, key: String?) -> Client.Configuration {
        Client.Configuration(apiKey: key, baseURL: api ?? self.api, caFile: caFile, usesEnvironment: false)
    }

    func client() throws -> Client { try Client(configuration(key: key)) }
    func clientTLS() throws -> Client { try Client(configuration(apiTLS, key: key)) }

    /// A client as an app has one: without the key. The sandbox's places are plain http.
    func phoneClient() throws -> Client {
        try Client(Client.Configuration(usesEnvironment: false, allowsHTTPLoopback: true))
    }
}

let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../../..").standardized

let sandbox = Sandbox.shared

/// How much slower everything is here, under a sanitizer perhaps.
let slow = Double(ProcessInfo.processInfo.environment["LINQ_TEST_SLOW"] ?? "") ?? 1

class SandboxTestCase: XCTestCase {
    override func setUp() { sandbox.calm() }

    override func tearDown() {
        sandbox.calm()
        temporaryDirectories { directories in
            for directory in directories { try? FileManager.default.removeItem(at: directory) }
            directories = []
        }
    }
}

/// Text that detection knows as nothing else.
func someBytes(_ count: Int) -> Data {
    let line = Data("the quick brown fox\n".utf8)
    var data = Data(capacity: count + line.count)
    while data.count < count { data += line }
    return data.prefix(count)
}

private let temporaryDirectories = Locked<[URL]>([])

/// A file that is there until the test ends.
func temporaryFile(_ name: String, _ data: Data) throws -> URL {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("linq-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    temporaryDirectories { $0.append(directory) }
    let url = directory.appendingPathComponent(name)
    try data.write(to: url)
    return url
}

/// Waits for what another side does, without a guess at how long that takes.
func eventually(_ what: String, _ holds: () async -> Bool) async {
    let start = ContinuousClock.now
    while !(await holds()) {
        if ContinuousClock.now - start > .seconds(30) * slow { return XCTFail("never: \(what)") }
        try? await Task.sleep(for: .milliseconds(2))
    }
}

func assertLinqError<Value>(
    _ status: LinqError.Status, has part: String = "", file: StaticString = #filePath, line: UInt = #line,
    _ body: () async throws -> Value
) async -> LinqError? {
    do {
        let value = try await body()
        XCTFail("no error, but \(value)", file: file, line: line)
    } catch let error as LinqError {
        XCTAssertEqual(error.status, status, error.message, file: file, line: line)
        XCTAssertTrue(part.isEmpty || error.message.contains(part), "no \"\(part)\" in: \(error.message)", file: file, line: line)
        return error
    } catch {
        XCTFail("not a LinqError: \(error)", file: file, line: line)
    }
    return nil
}

/// Starts a call, waits until it is where it should be, cancels it, and tells how long it went on after that.
func cancelled(
    _ call: @escaping @Sendable () async throws -> Void, once isThere: () async -> Void
) async -> Duration {
    let ended = Locked<ContinuousClock.Instant?>(nil)
    let task = Task {
        defer { ended { $0 = ContinuousClock.now } }
        try await call()
    }
    await isThere()
    let start = ContinuousClock.now
    task.cancel()
    do {
        try await task.value
        XCTFail("it was not cancelled")
    } catch {
        XCTAssertTrue(error is CancellationError, "\(error)")
    }
    return (ended.now ?? ContinuousClock.now) - start
}

/// 10 ms are promised; a busy machine takes its time to wake anybody, now and then. So the median of several counts, and
/// there are chances for half a minute.
func assertPrompt(_ phase: String, file: StaticString = #filePath, line: UInt = #line, _ round: () async throws -> Duration) async throws {
    var (medians, longest): ([Duration], [Duration]) = ([], [])
    let begin = ContinuousClock.now
    while ContinuousClock.now - begin < .seconds(30) {
        var times: [Duration] = []
        for _ in 0..<9 { times.append(try await round()) }
        times.sort()
        medians.append(times[4])
        longest.append(times[8])
        if times[4] <= .milliseconds(10) * slow, times[8] < .milliseconds(500) * slow {
            return print("cancelled \(phase): median \(times[4]), longest \(times[8])")
        }
    }
    XCTFail("\(phase): medians \(medians), longest \(longest)", file: file, line: line)
}

/// A value behind a lock.
final class Locked<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func callAsFunction<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        try lock.withLock { try body(&value) }
    }

    var now: Value { lock.withLock { value } }
}
