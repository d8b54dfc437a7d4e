/**
 * Puts a failure into files: the artifact, from which it is run again, and the picture of it.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Artifact from "../Artifact.ts"
import type { Found } from "../Swarm.ts"
import * as Trace from "../Trace.ts"

/** Where they are, relative to the working directory if they are in it. */
export interface Files {
  readonly artifact: string
  readonly picture: string
}

export interface Options {
  /** Default: {@link defaultDir}. */
  readonly dir?: string | undefined
  /** The command that runs it again, which the picture shows, by the path of the artifact. */
  readonly replay?: ((artifact: string) => string) | undefined
}

/** Beside what other tools leave in a working directory, under a name that begins with a dot. */
export const defaultDir = ".coterie/sim"

/** Names of files end somewhere; 255 bytes is what most file systems take. */
const maxSlug = 60

/** The name of a scenario, in a form that is a file name everywhere. */
export const slug = (name: string): string => {
  const plain = name
    .normalize("NFC")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, "-")
  // By characters, since half of one is no text.
  const short = [...plain]
    .slice(0, maxSlug)
    .join("")
    .replaceAll(/^-+|-+$/g, "")
  return short === "" ? "scenario" : short
}

/** How a path is shown. */
export const shown = (file: string): string => {
  const relative = path.relative(process.cwd(), file)
  const outside = relative === ".." || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative)
  return relative === "" || outside ? path.resolve(file) : relative
}

/** The page that shows a trace and why it failed. */
export const picture = (artifact: Artifact.Artifact, trace: Trace.Trace, replay: string | undefined): string =>
  Trace.toHtml(trace, {
    title: artifact.scenario,
    failure: `${artifact.failure._tag}: ${artifact.failure.message}`,
    replay,
    sentences: artifact.sentences,
  })

/** Writes both, and makes the folder if there is none. A failure of the same scenario and seed is written over. */
export const write = ({ artifact, trace }: Pick<Found, "artifact" | "trace">, options: Options = {}): Files => {
  const dir = path.resolve(options.dir ?? defaultDir)
  const base = path.join(dir, `${slug(artifact.scenario)}-${artifact.seed}`)
  const files: Files = { artifact: shown(`${base}.json`), picture: shown(`${base}.html`) }
  fs.mkdirSync(dir, { recursive: true })
  fs.writeFileSync(`${base}.json`, Artifact.encode(artifact))
  fs.writeFileSync(`${base}.html`, picture(artifact, trace, options.replay?.(files.artifact)))
  return files
}
