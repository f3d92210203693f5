// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "Examples",
    platforms: [.macOS(.v13)],
    dependencies: [.package(name: "Linq", path: "../../..")],
    targets: [.executableTarget(name: "split", dependencies: [.product(name: "Linq", package: "Linq")])]
)
