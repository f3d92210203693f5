# Runs the formula and its test with a stand-in for Homebrew, which is not among the packages that the tests can install:
# ruby homebrew.rb FORMULA DIRECTORY. What it installs is then in DIRECTORY/prefix.
require "digest"
require "fileutils"
require "uri"
require "pathname"
require "tmpdir"

class Formula
  class << self
    attr_reader :values, :check

    def desc(value) = (@values ||= {})[:desc] = value
    %i[homepage url sha256 license depends_on].each do |name|
      define_method(name) { |value| (@values ||= {})[name] = value }
    end
    def test(&block) = @check = block
  end

  attr_reader :prefix, :testpath

  def initialize(directory)
    @prefix = Pathname.new(directory)/"prefix"
    @testpath = Pathname.new(directory)/"test"
    FileUtils.mkdir_p([prefix, testpath])
  end

  def version = self.class.values[:url][/-(\d+\.\d+\.\d+)\.tar\.gz\z/, 1]
  %i[bin include lib share].each { |name| define_method(name) { prefix/name.to_s } }
  def doc = Directory.new(share/"doc/liblinq")
  def rm_r(path) = FileUtils.rm_r(path)
  def system(*words) = Kernel.system(*words.map(&:to_s), exception: true)

  def shell_output(command)
    output = `#{command}`
    raise "#{command}: #{$?}" unless $?.success?

    output
  end

  def assert_equal(wanted, found) = wanted == found || raise("#{found}, not #{wanted}")
  def assert_match(wanted, found) = found.include?(wanted) || raise("#{found} has no #{wanted}")
end

class Directory < Pathname
  def install(file)
    mkpath
    FileUtils.cp(file, self)
  end
end

def ENV.cc = "cc"

formula, directory = ARGV
load formula
values = Liblinq.values
Dir.mktmpdir do |scratch|
  archive = URI.parse(values[:url]).path
  found = Digest::SHA256.file(archive).hexdigest
  raise "#{archive}: #{found}, not #{values[:sha256]}" unless found == values[:sha256]

  Kernel.system("tar", "-xzf", archive, "--strip-components=1", "-C", scratch, exception: true)
  made = Liblinq.new(directory)
  Dir.chdir(scratch) { made.install }
  ENV["LD_LIBRARY_PATH"] = made.lib.to_s # a Mac finds it by its install name
  Dir.chdir(made.testpath) { made.instance_eval(&Liblinq.check) }
end
