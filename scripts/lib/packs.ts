/** Published packages as tarballs. */
import * as fs from "node:fs"
import * as path from "node:path"
import type { Manifest } from "../check-architecture.ts"
import { pnpm, root, run } from "./command.ts"
import { listSources } from "./source.ts"

/** Fields of a package.json that a release needs. */
export interface PublishedManifest extends Manifest {
  readonly version: string
  readonly private?: boolean
  readonly description?: string
  readonly keywords?: ReadonlyArray<string>
  readonly homepage?: string
  readonly bugs?: string
  readonly license?: string
  readonly repository?: { readonly type?: string; readonly url?: string; readonly directory?: string }
  readonly sideEffects?: unknown
  readonly type?: string
  readonly engines?: { readonly node?: string }
  readonly exports?: Readonly<Record<string, string | null>>
  readonly publishConfig?: { readonly access?: string; readonly provenance?: boolean }
}

/** Tarball of one package, as it is published. */
export interface Pack {
  /** Folder of the package, relative to the root of the repository. */
  readonly folder: string
  readonly tarball: string
  /** Size of the tarball, in bytes. */
  readonly bytes: number
  /** Paths of the files in the tarball. */
  readonly files: ReadonlyArray<string>
  /** package.json in the tarball, which differs from the file in `folder`. */
  readonly manifest: PublishedManifest
  /** Names of the modules that the package exports besides its index. */
  readonly modules: ReadonlyArray<string>
}

/** Folders of the published packages, relative to the root of the repository. */
export const packageFolders: ReadonlyArray<string> = fs
  .readdirSync(path.join(root, "packages"))
  .map((name) => `packages/${name}`)
  .toSorted()

/** Returns the package.json of a folder, which is relative to the root of the repository. */
export const readManifest = (folder: string): PublishedManifest =>
  JSON.parse(fs.readFileSync(path.join(root, folder, "package.json"), "utf8"))

/** Builds all packages from scratch. */
export const build = (): void => {
  for (const folder of packageFolders) fs.rmSync(path.join(root, folder, "dist"), { recursive: true, force: true })
  run("tsc", ["-b", ...packageFolders])
}

/** Used fields of the output of `pnpm pack --json`. */
interface Packed {
  readonly files: ReadonlyArray<{ readonly path: string }>
}

/** Packs a built package. The tarball has the name of the package's folder. */
export const pack = (folder: string, into: string): Pack => {
  const tarball = path.join(into, `${path.basename(folder)}.tgz`)
  const packed: Packed = JSON.parse(pnpm(["pack", "--json", "--out", tarball], path.join(root, folder)))
  const manifest: PublishedManifest = JSON.parse(run("tar", ["-xzOf", tarball, "package/package.json"]))
  const modules = listSources(path.join(root, folder, "src")).flatMap((file) =>
    file.includes("/") || file === "index.ts" ? [] : [file.slice(0, -".ts".length)],
  )
  const files = packed.files.map((file) => file.path)
  return { folder, tarball, bytes: fs.statSync(tarball).size, files, manifest, modules }
}

/** Returns the specifiers of all modules that a package exports. */
export const specifiersOf = ({ manifest, modules }: Pack): ReadonlyArray<string> => [
  manifest.name,
  ...modules.map((module) => `${manifest.name}/${module}`),
]

/** Imports modules in a folder with the Node that runs this script. */
export const importAll = (specifiers: ReadonlyArray<string>, cwd: string): void => {
  const script = specifiers.map((specifier) => `await import(${JSON.stringify(specifier)})`).join("\n")
  run(process.execPath, ["--input-type=module", "--eval", script], cwd)
}
