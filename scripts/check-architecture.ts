/**
 * Keeps the shape of the house.
 *
 * - Floors: a module of `@coterie/core` imports only from its own room and from floors below it.
 * - Packages: a published source imports only what its package.json declares for users, and Node's
 *   modules only in the transport for Node.
 * - Effect is imported module by module.
 * - No type is forced by asserting twice, and a lint rule is switched off only for a written reason; those
 *   that keep time and chance out of core never are.
 *
 *     node scripts/check-architecture.ts
 */
import * as fs from "node:fs"
import { isBuiltin } from "node:module"
import * as path from "node:path"
import {
  type Import,
  isNode,
  listSources,
  type Node,
  nodes,
  parse,
  type Problem,
  readImports,
  report,
} from "./lib/source.ts"

/**
 * The floors of core, from the ground up; on each its rooms, and the folders and modules of `src` that
 * make up a room. Rooms on one floor do not import each other. A module directly in `src` that is not
 * named here is on the ground.
 */
const floors: ReadonlyArray<{ readonly [room: string]: ReadonlyArray<string> }> = [
  { ground: ["internal"] },
  { wire: ["wire"], membership: ["membership"] },
  { policies: ["Admission.ts", "Discovery.ts", "FailureDetector.ts", "Gossip.ts", "Reconnect.ts"] },
  { link: ["link"] },
  { messaging: ["messaging"], discovery: ["discovery"] },
  { cluster: ["cluster", "Cluster.ts"] },
  { index: ["index.ts"] },
]

interface Room {
  readonly name: string
  readonly floor: number
}

/** The room of a module, by its path in `src`; `undefined` for a folder that has no place. */
const roomOf = (module: string): Room | undefined => {
  const part = module.split("/")[0] ?? module
  for (const [floor, rooms] of floors.entries()) {
    for (const [name, parts] of Object.entries(rooms)) if (parts.includes(part)) return { name, floor }
  }
  return module.includes("/") ? undefined : { name: "ground", floor: 0 }
}

/** What breaks the floors of core in one module, named by its path in `src`. */
export const checkFloors = (module: string, imports: ReadonlyArray<Import>): ReadonlyArray<Problem> => {
  const file = `packages/core/src/${module}`
  const room = roomOf(module)
  if (room === undefined) {
    return [{ file, line: 1, message: "this folder has no floor; give it one in scripts/check-architecture.ts" }]
  }
  return imports.flatMap(({ specifier, line }): ReadonlyArray<Problem> => {
    if (/^@coterie\/core(\/|$)/.test(specifier))
      return [{ file, line, message: "core imports itself by relative paths" }]
    if (!specifier.startsWith(".")) return []
    const target = path.posix.join(path.posix.dirname(module), specifier)
    if (target.startsWith("..")) return [{ file, line, message: `"${specifier}" is outside of src` }]
    const other = roomOf(target)
    if (other !== undefined && (other.name === room.name || other.floor < room.floor)) return []
    const what = `${room.name} must not import ${other?.name ?? "a folder without a floor"} ("${specifier}")`
    return [{ file, line, message: `${what}: only its own room and the floors below` }]
  })
}

/** What a package.json says about imports. */
export interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** The packages that run on Node and may say so. */
const nodePackages = new Set(["@coterie/node-transport"])

/** The name of the package in a specifier. */
const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/")

/** What a published source imports without a right to it. */
export const checkPackage = (
  file: string,
  manifest: Manifest,
  imports: ReadonlyArray<Import>,
): ReadonlyArray<Problem> => {
  const declared = new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }))
  return imports.flatMap(({ specifier, line }) => {
    if (specifier.startsWith(".")) {
      return specifier.endsWith(".ts") ? [] : [{ file, line, message: `"${specifier}" needs its extension .ts` }]
    }
    if (isBuiltin(specifier)) {
      return nodePackages.has(manifest.name)
        ? []
        : [{ file, line, message: `${manifest.name} runs everywhere and must not import "${specifier}"` }]
    }
    if (specifier === "effect") return [{ file, line, message: `import "effect/Module" and not the barrel "effect"` }]
    const name = packageOf(specifier)
    if (name === manifest.name || declared.has(name)) return []
    return [{ file, line, message: `"${name}" is no dependency or peer of ${manifest.name}` }]
  })
}

/** Lint rules that the simulation relies on. */
const neverDisabled = /no-restricted-(globals|properties)|no-nodejs-modules/

/** What any source says that it should not say. */
export const checkSource = (file: string, text: string): ReadonlyArray<Problem> => {
  const { program, comments, lineAt } = parse(file, text)
  const problems: Array<Problem> = []
  for (const { value, start } of comments) {
    if (!/^\s*(ox|es)lint-disable/.test(value)) continue
    if (neverDisabled.test(value)) {
      problems.push({ file, line: lineAt(start), message: "this lint rule keeps the simulation true; it stays on" })
    } else if (!/ -- \S/.test(value)) {
      problems.push({ file, line: lineAt(start), message: "say why the lint is off: `-- reason` after the rule" })
    }
  }
  const visit = (node: Node): void => {
    if (node.type === "TSAsExpression" && isNode(node["expression"]) && node["expression"].type === "TSAsExpression") {
      problems.push({ file, line: lineAt(node.start), message: "a type asserted twice is a type made up" })
    }
    for (const child of Object.values(node)) for (const each of nodes(child)) visit(each)
  }
  visit(program)
  return problems
}

if (import.meta.main) {
  const root = path.join(import.meta.dirname, "..")
  const read = (file: string) => fs.readFileSync(path.join(root, file), "utf8")
  const problems: Array<Problem> = []
  const packages = fs.readdirSync(path.join(root, "packages")).map((folder) => `packages/${folder}`)
  for (const folder of packages) {
    const manifest: Manifest = JSON.parse(read(`${folder}/package.json`))
    for (const module of listSources(path.join(root, folder, "src"))) {
      const file = `${folder}/src/${module}`
      const imports = readImports(file, read(file))
      problems.push(...checkPackage(file, manifest, imports))
      if (folder === "packages/core") problems.push(...checkFloors(module, imports))
    }
  }
  const sources = [...packages.flatMap((folder) => [`${folder}/src`, `${folder}/test`]), "examples", "scripts"].flatMap(
    (folder) => listSources(path.join(root, folder)).map((name) => `${folder}/${name}`),
  )
  for (const file of sources) problems.push(...checkSource(file, read(file)))
  report("architecture", sources.length, problems)
}
