/**
 * Looks at the packages as a user gets them: builds them afresh, packs them, and checks of each tarball
 * what is in it, that its entry points have types that resolve, and that Node can import them.
 *
 *     pnpm check:exports
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { Manifest } from "./check-architecture.ts"
import { listSources } from "./lib/source.ts"

const root = path.join(import.meta.dirname, "..")

/** Runs a command; its output is shown only if it fails. */
const run = (command: string, args: ReadonlyArray<string>, cwd = root): string => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" })
  if (status === 0) return stdout
  console.error(`${command} ${args.join(" ")}\n${stdout}${stderr}`)
  throw error ?? new Error(`${command} failed`)
}

/** Runs the pnpm that runs this script, which may be a program or a script of its own. */
const pnpm = (args: ReadonlyArray<string>, cwd: string): string => {
  const self = process.env["npm_execpath"] ?? "pnpm"
  return /\.[cm]?js$/.test(self) ? run(process.execPath, [self, ...args], cwd) : run(self, args, cwd)
}

/** What `pnpm pack --json` says. */
interface Packed {
  readonly files: ReadonlyArray<{ readonly path: string }>
}

const wanted = ["package.json", "README.md", "LICENSE", "src/index.ts", "dist/index.js", "dist/index.d.ts"]

const checkFiles = (name: string, files: ReadonlyArray<string>): void => {
  const missing = wanted.filter((file) => !files.includes(file))
  const unwanted = files.filter((file) => /(^|\/)test\/|\.test\.|tsbuildinfo|tsconfig/.test(file))
  if (missing.length > 0) throw new Error(`${name} lacks ${missing.join(", ")}`)
  if (unwanted.length > 0) throw new Error(`${name} contains ${unwanted.join(", ")}`)
}

const packages = fs.readdirSync(path.join(root, "packages")).map((folder) => path.join(root, "packages", folder))
for (const folder of packages) fs.rmSync(path.join(folder, "dist"), { recursive: true, force: true })
run("tsc", ["-b", ...packages])

const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "coterie-pack-"))
try {
  // A folder that looks like an application with the tarballs installed; what they depend on is linked.
  const modules = path.join(temporary, "node_modules")
  fs.mkdirSync(path.join(modules, "@coterie"), { recursive: true })
  const entries: Array<string> = []
  for (const folder of packages) {
    const manifest: Manifest = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"))
    const { name } = manifest
    const tarball = path.join(temporary, `${path.basename(folder)}.tgz`)
    const packed: Packed = JSON.parse(pnpm(["pack", "--json", "--out", tarball], folder))
    const files = packed.files.map((file) => file.path)
    checkFiles(name, files)

    const names = listSources(path.join(folder, "src")).flatMap((file) =>
      file.includes("/") || file === "index.ts" ? [] : [file.slice(0, -".ts".length)],
    )
    run("publint", ["run", tarball, "--strict"])
    run("attw", [tarball, "--profile", "esm-only", "--entrypoints", ".", ...names])

    run("tar", ["-xzf", tarball, "-C", temporary])
    fs.renameSync(path.join(temporary, "package"), path.join(modules, name))
    for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      const link = path.join(modules, dependency)
      if (dependency.startsWith("@coterie/") || fs.existsSync(link)) continue
      fs.mkdirSync(path.dirname(link), { recursive: true })
      fs.symlinkSync(fs.realpathSync(path.join(folder, "node_modules", dependency)), link)
    }
    entries.push(name, ...names.map((module) => `${name}/${module}`))
    console.log(`exports: ${name}, ${files.length} files, ${names.length + 1} entry points`)
  }
  const script = entries.map((entry) => `await import(${JSON.stringify(entry)})`).join("\n")
  run(process.execPath, ["--input-type=module", "--eval", script], temporary)
} finally {
  fs.rmSync(temporary, { recursive: true })
}
