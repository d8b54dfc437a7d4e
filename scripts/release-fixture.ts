/**
 * Writes the fixture of this version, which is an archive with the built packages and a member that uses them. The test
 * packages/node-transport/test/releases/releases.test.ts runs the members of all fixtures in clusters with the present
 * version.
 *
 *     pnpm release:fixture
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { gzipSync } from "node:zlib"
import { root, run } from "./lib/command.ts"
import { build, pack, packageFolders } from "./lib/packs.ts"

/** Folder of the fixtures and of the member that they contain. */
const fixtures = path.join(root, "packages/node-transport/test/releases")

/** Modules of the fixture in addition to the packages. */
const memberModules = ["member.ts", "Protocol.ts"]

/** Packages that a node runs. The testkit is for tests. */
const folders = packageFolders.filter((folder) => folder !== "packages/testkit")

/** Time of all files in the archive, so that the same sources give the same archive. */
const epoch = new Date(0)

/**
 * Writes the parts of a package that a node needs into `modules`: the built JavaScript and the published package.json.
 */
const install = (folder: string, modules: string, temporary: string): string => {
  const { files, manifest, tarball } = pack(folder, temporary)
  run("tar", ["-xzf", tarball, "-C", temporary])
  const target = path.join(modules, manifest.name)
  const { name, version, type, exports, dependencies, peerDependencies } = manifest
  const published = { name, version, type, exports, dependencies, peerDependencies }
  fs.mkdirSync(target, { recursive: true })
  fs.writeFileSync(path.join(target, "package.json"), `${JSON.stringify(published, undefined, 2)}\n`)
  for (const file of files.filter((file) => file.startsWith("dist/") && file.endsWith(".js"))) {
    fs.mkdirSync(path.dirname(path.join(target, file)), { recursive: true })
    fs.copyFileSync(path.join(temporary, "package", file), path.join(target, file))
  }
  fs.rmSync(path.join(temporary, "package"), { recursive: true })
  return version
}

/** Packs the files of a folder into a compressed archive. The same files give the same bytes. */
const archive = (folder: string, temporary: string): Buffer => {
  const files = fs
    .globSync("**/*", { cwd: folder })
    .filter((file) => fs.statSync(path.join(folder, file)).isFile())
    .sort()
  for (const file of files) fs.utimesSync(path.join(folder, file), epoch, epoch)
  const list = path.join(temporary, "files")
  const plain = path.join(temporary, "fixture.tar")
  fs.writeFileSync(list, `${files.join("\n")}\n`)
  run("tar", ["--format=ustar", "-cf", plain, "-C", folder, "-T", list])
  return gzipSync(fs.readFileSync(plain), { level: 9 })
}

const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "coterie-fixture-"))
try {
  build()
  const folder = path.join(temporary, "fixture")
  fs.mkdirSync(folder)
  const versions = new Set(folders.map((each) => install(each, path.join(folder, "node_modules"), temporary)))
  const [version = "", ...others] = versions
  if (others.length > 0) throw new Error(`the packages have several versions: ${[...versions].join(", ")}`)
  if (run("git", ["tag", "--list", `@coterie/core@${version}`]).trim() !== "") {
    throw new Error(`${version} is published, so its fixture must not change: run "pnpm release:version" first`)
  }
  for (const module of memberModules) fs.copyFileSync(path.join(fixtures, module), path.join(folder, module))
  fs.writeFileSync(path.join(folder, "package.json"), `${JSON.stringify({ private: true, type: "module" })}\n`)
  const bytes = archive(folder, temporary)
  const file = path.join(fixtures, `${version}.tgz`)
  fs.writeFileSync(file, bytes)
  console.log(`${path.relative(root, file)}: ${Math.ceil(bytes.length / 1024)} KiB`)
} finally {
  fs.rmSync(temporary, { recursive: true })
}
