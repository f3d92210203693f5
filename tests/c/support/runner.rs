//! Builds the library and the C programs, and runs a program against the sandbox.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{env, thread};

#[path = "../../common/cargo.rs"]
mod cargo;
#[path = "../../common/process.rs"]
mod process;

use process::Process;

const WARN: [&str; 7] = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-g"];

/// What a static Rust library needs from the system.
#[cfg(target_vendor = "apple")]
const NATIVE: &[&str] = &["-framework", "Security", "-framework", "CoreFoundation", "-lSystem", "-liconv"];
#[cfg(not(target_vendor = "apple"))]
const NATIVE: &[&str] = &["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"];

/// How long a program may take, where nothing is slower than usual.
const LIMIT: Duration = Duration::from_secs(90);

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a tool that must succeed; what it wrote to stdout.
pub fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The words of an environment variable.
pub fn words(variable: &str) -> Vec<String> {
    env::var(variable).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// A compiler, with arguments where the variable has some.
pub fn compiler(variable: &str, default: &str) -> Vec<String> {
    let mut words = words(variable);
    if words.is_empty() {
        words.push(default.to_owned());
    }
    words
}

fn built(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| cargo::build(&["-p", "linq", "--lib"]));
    cargo::profile_dir().join(name)
}

/// The one that is linked, or the one beside the archive that is.
pub fn shared_library() -> PathBuf {
    let given = env::var_os("LINQ_LIBRARY").map(|path| PathBuf::from(path).with_extension("so"));
    match given.filter(|path| path.exists()) {
        Some(path) => path,
        None => built(if cfg!(target_vendor = "apple") { "liblinq.dylib" } else { "liblinq.so" }),
    }
}

/// A directory of this run, and the library that programs are linked with.
pub struct Build {
    dir: PathBuf,
    link: Vec<OsString>,
    slow: u32,
    suppressions: PathBuf,
}

impl Build {
    pub fn new() -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("c-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let shared = env::var("LINQ_LINK").is_ok_and(|link| link == "shared");
        let link = if shared {
            // As it is installed: found by its soname.
            let soname = if cfg!(target_vendor = "apple") { "liblinq.0.dylib" } else { "liblinq.so.0" };
            std::os::unix::fs::symlink(shared_library(), dir.join(soname)).unwrap();
            let mut rpath = OsString::from("-Wl,-rpath,");
            rpath.push(&dir);
            vec![dir.join(soname).into(), rpath, "-lpthread".into()]
        } else {
            let library = env::var_os("LINQ_LIBRARY").unwrap_or_else(|| built("liblinq.a").into());
            let system = match env::var_os("LINQ_LIBS") {
                Some(_) => words("LINQ_LIBS"),
                None => NATIVE.iter().map(|&library| library.to_owned()).collect(),
            };
            [library].into_iter().chain(system.into_iter().map(OsString::from)).collect()
        };
        let slow = env::var("LINQ_TEST_SLOW").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
        let suppressions = dir.join("valgrind.supp");
        Self::write_suppressions(&suppressions);
        Build { dir, link, slow, suppressions }
    }

    /// ring's assembler makes the tag of a TLS record by means that valgrind does not follow: it takes the tag for
    /// uninitialised, when it is sent (in any of the slices of one sendmsg) and when it is compared.
    fn write_suppressions(path: &Path) {
        let sent = |slice| {
            format!("{{\n tag\n Memcheck:Param\n sendmsg(msg.msg_iov[{slice}])\n ...\n fun:*write_tls*\n}}\n")
        };
        let compared = "{\n tag\n Memcheck:Cond\n fun:*ring*verify_slices_are_equal*\n}\n".to_owned();
        fs::write(path, (0..64).map(sent).chain([compared]).collect::<String>()).unwrap();
    }

    /// Compiles a program; where it is.
    pub fn program(&self, name: &str) -> PathBuf {
        let source = |name: &str| root().join(format!("tests/c/{name}.c"));
        self.compile(&[source(name), source("support/check")], name)
    }

    /// The same from other sources.
    pub fn compile(&self, sources: &[PathBuf], name: &str) -> PathBuf {
        let program = self.dir.join(name);
        let tool = match words("LINQ_CC") {
            other if !other.is_empty() => other,
            _ => compiler("CC", "cc"),
        };
        let mut cc = Command::new(&tool[0]);
        cc.args(&tool[1..]).args(WARN).args(words("LINQ_CFLAGS")).arg("-I").arg(root().join("include"));
        cc.args(sources).args(&self.link).arg("-pthread").arg("-o").arg(&program);
        output(&mut cc);
        program
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// A sandbox of its own.
pub fn sandbox() -> Process {
    Process::start(cargo::sandbox(), &[])
}

/// Runs a program; what was wrong with it.
pub fn run(program: &Path, name: &str, sandbox: &Process, build: &Build) -> Result<(), String> {
    let files = build.dir.join(format!("{name}.files"));
    fs::create_dir_all(&files).unwrap();
    let (stdout, stderr) = (build.dir.join(format!("{name}.out")), build.dir.join(format!("{name}.err")));
    let under = words("LINQ_RUN");
    let mut all = under.iter().map(OsString::from).collect::<Vec<_>>();
    all.push(program.into());
    let mut command = Command::new(&all[0]);
    command.args(&all[1..]).stdin(Stdio::null());
    command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
    for (variable, _) in env::vars_os() {
        // Nothing of the machine's settings, such as a proxy, but what a test sets itself.
        let upper = variable.to_string_lossy().to_uppercase();
        if upper.ends_with("_PROXY") || upper.starts_with("LINQ_API_") || upper.starts_with("SSL_CERT_") {
            command.env_remove(variable);
        }
    }
    for (variable, field) in [
        ("LINQ_TEST_API", "api"),
        ("LINQ_TEST_API_TLS", "api_tls"),
        ("LINQ_TEST_KEY", "key"),
        ("LINQ_TEST_CA", "ca_file"),
        ("LINQ_TEST_CONTROL", "control"),
        ("LINQ_TEST_PHONE", "phone"),
        ("LINQ_TEST_PROXY", "proxy"),
        ("LINQ_TEST_BLACK_HOLE", "black_hole"),
    ] {
        command.env(variable, sandbox.get(field));
    }
    command.env("VALGRIND_OPTS", format!("--suppressions={}", build.suppressions.display()));
    command.env("LINQ_TEST_BAD_TLS", sandbox.ready["bad_tls"]["unknown_ca"].as_str().unwrap_or_default());
    command.env("LINQ_TEST_DIR", &files).env("LINQ_TEST_SHARED", shared_library());
    command.env("LINQ_TEST_CARGO_VERSION", env!("CARGO_PKG_VERSION"));
    let mut child = command.spawn().map_err(|why| format!("{name}: {why}"))?;
    let status = wait(&mut child, LIMIT * build.slow);
    let said = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let (said_out, said_err) = (said(&stdout), said(&stderr));
    let Some(status) = status else {
        return Err(format!("{name}: still running after {LIMIT:?}\n{said_err}"));
    };
    if !status.success() {
        return Err(format!("{name}: {status}\n{said_out}{said_err}"));
    }
    if said_out.starts_with("not tested here: ") && said_out.lines().count() == 1 {
        println!("{name}: {said_out}");
        return Ok(());
    }
    // One line, the program's own: the library writes to neither. What it runs under may.
    let quiet = !under.is_empty() || said_err.is_empty();
    if !quiet || said_out.lines().count() != 1 || !said_out.starts_with(&format!("{name}: ok, ")) {
        return Err(format!("{name}: it said more than that all is well:\n{said_out}{said_err}"));
    }
    Ok(())
}

/// How it ended; `None` where it had to be ended.
fn wait(child: &mut Child, limit: Duration) -> Option<std::process::ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}
