/**
 * Checks the packages as a user gets them. Builds and packs them, and checks the files of each tarball, the types of
 * its entry points, and that Node can import the entry points.
 *
 *     pnpm check:exports
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { root, run } from "./lib/command.ts"
import { packProblems } from "./lib/packRules.ts"
import { build, importAll, pack, type Pack, packageFolders, readManifest, specifiersOf } from "./lib/packs.ts"

/** Links the missing dependencies of a package into `modules`. Packages of this repository come from tarballs. */
const linkDependencies = ({ folder, manifest }: Pack, modules: string): void => {
  for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
    const link = path.join(modules, dependency)
    if (dependency.startsWith("@coterie/") || fs.existsSync(link)) continue
    fs.mkdirSync(path.dirname(link), { recursive: true })
    fs.symlinkSync(fs.realpathSync(path.join(root, folder, "node_modules", dependency)), link)
  }
}

/** Builds all packages, packs them into a folder, and checks the tarballs. Throws if a tarball violates a rule. */
export const packAndCheck = (into: string): ReadonlyArray<Pack> => {
  build()
  // A folder like an application with the tarballs installed and their dependencies linked.
  const application = path.join(into, "application")
  const modules = path.join(application, "node_modules")
  fs.mkdirSync(path.join(modules, "@coterie"), { recursive: true })
  const packs = packageFolders.map((folder) => pack(folder, into))
  const own = readManifest(".")
  const problems = packProblems(packs, { repository: own.repository?.url ?? "", node: own.engines?.node ?? "" })
  if (problems.length > 0) throw new Error(`the packages break rules:\n${problems.join("\n")}`)
  for (const each of packs) {
    run("publint", ["run", each.tarball, "--strict"])
    run("attw", [each.tarball, "--profile", "esm-only", "--entrypoints", ".", ...each.modules])
    run("tar", ["-xzf", each.tarball, "-C", application])
    fs.renameSync(path.join(application, "package"), path.join(modules, each.manifest.name))
    linkDependencies(each, modules)
    console.log(`exports: ${each.manifest.name}, ${each.files.length} files, ${each.modules.length + 1} entry points`)
  }
  importAll(packs.flatMap(specifiersOf), application)
  return packs
}

if (import.meta.main) {
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "coterie-pack-"))
  try {
    packAndCheck(temporary)
  } finally {
    fs.rmSync(temporary, { recursive: true })
  }
}
