/** Fixtures of earlier releases, which are archives that `pnpm release:fixture` wrote. */
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

const packages = path.join(import.meta.dirname, "../../..")

/** Versions with a fixture. */
export const versions: ReadonlyArray<string> = fs
  .readdirSync(import.meta.dirname)
  .flatMap((file) => (file.endsWith(".tgz") ? [file.slice(0, -".tgz".length)] : []))
  .sort()

interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

const readManifest = (folder: string): Manifest =>
  JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"))

/** Returns the folder of a package that a package of this workspace depends on. */
const installed = (name: string): string => {
  for (const folder of fs.readdirSync(packages)) {
    const link = path.join(packages, folder, "node_modules", name)
    if (fs.existsSync(link)) return fs.realpathSync(link)
  }
  throw new Error(`the fixture needs "${name}", and no package of this workspace depends on it`)
}

/**
 * Links the dependencies of the packages of a fixture into the fixture. They have the versions of this workspace,
 * because a test cannot install the versions of each release.
 */
const linkDependencies = (modules: string): void => {
  const own = path.join(modules, "@coterie")
  const manifests = fs.readdirSync(own).map((folder) => readManifest(path.join(own, folder)))
  // The member itself uses this package for its input, its output and its shutdown.
  const names = new Set(["@effect/platform-node"])
  for (const { dependencies, peerDependencies } of manifests) {
    for (const name of Object.keys({ ...dependencies, ...peerDependencies })) names.add(name)
  }
  for (const name of names) {
    const link = path.join(modules, name)
    if (fs.existsSync(link)) continue
    fs.mkdirSync(path.dirname(link), { recursive: true })
    fs.symlinkSync(installed(name), link)
  }
}

/** Unpacks the fixture of a version into a temporary folder and returns the program of its member. */
export const unpack = (version: string) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), `coterie-${version}-`))),
      (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true })),
    )
    execFileSync("tar", ["-xzf", path.join(import.meta.dirname, `${version}.tgz`), "-C", folder])
    linkDependencies(path.join(folder, "node_modules"))
    return path.join(folder, "member.ts")
  })

/** Program of a member that uses the packages of this workspace. */
export const present = path.join(import.meta.dirname, "member.ts")
