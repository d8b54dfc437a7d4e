/**
 * Checks the packages as a user gets them. Builds and packs them, and checks the files of each tarball, the types of
 * its entry points, and that Node can import the entry points. Runs a simulation with the testkit alone.
 *
 *     pnpm check:exports
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { root, run } from "./lib/command.ts"
import { packProblems } from "./lib/packRules.ts"
import { build, importAll, pack, type Pack, packageFolders, readManifest, specifiersOf } from "./lib/packs.ts"

/** Links a dependency of a package of this repository into `modules`. */
const link = (folder: string, dependency: string, modules: string): void => {
  const target = path.join(modules, dependency)
  if (fs.existsSync(target)) return
  fs.mkdirSync(path.dirname(target), { recursive: true })
  fs.symlinkSync(fs.realpathSync(path.join(root, folder, "node_modules", dependency)), target)
}

/** Links the missing dependencies of a package into `modules`. Packages of this repository come from tarballs. */
const linkDependencies = ({ folder, manifest }: Pack, modules: string): void => {
  for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
    if (!dependency.startsWith("@coterie/")) link(folder, dependency, modules)
  }
}

/** Program of a user of Effect who tests it with the testkit and uses nothing else of Coterie. */
const standalone = "examples/simulation/stock"

/**
 * Runs a simulation in an application that has installed the testkit alone: its tarball and the peers that an installer
 * adds by itself, none of which the program imports.
 */
const checkStandalone = (packs: ReadonlyArray<Pack>, into: string): void => {
  const modules = path.join(into, "standalone/node_modules")
  const program = path.join(into, "standalone/program")
  const installed = new Set(["@coterie/testkit"])
  for (const name of installed) {
    const each = packs.find(({ manifest }) => manifest.name === name)
    if (each === undefined) throw new Error(`${name} is not packed`)
    const target = path.join(modules, name)
    fs.mkdirSync(target, { recursive: true })
    run("tar", ["-xzf", each.tarball, "-C", target, "--strip-components=1"])
    const { dependencies, peerDependencies, peerDependenciesMeta } = each.manifest
    const peers = Object.keys(peerDependencies ?? {}).filter((peer) => peerDependenciesMeta?.[peer]?.optional !== true)
    for (const dependency of [...Object.keys(dependencies ?? {}), ...peers]) {
      if (dependency.startsWith("@coterie/")) installed.add(dependency)
      else link(each.folder, dependency, modules)
    }
  }
  fs.cpSync(path.join(root, standalone), program, { recursive: true })
  const imports = fs.globSync("*.ts", { cwd: program }).map((file) => fs.readFileSync(path.join(program, file), "utf8"))
  if (/from "@coterie\/(?!testkit)/.test(imports.join("\n")))
    throw new Error(`${standalone} imports more than the testkit`)
  const output = run(process.execPath, ["run.ts"], program)
  console.log(`exports: the testkit alone, with ${[...installed].join(" and ")} installed: ${output.trim()}`)
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
  checkStandalone(packs, into)
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
