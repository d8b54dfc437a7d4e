import { printable } from "../../src/internal/printable.ts"

/** Maximum length of a text of another node or of the application in a line of the page. */
const maxLength = 200

/** Returns a text without characters that are not visible. A long text is cut. */
export const shownText = (text: string): string =>
  printable(text.length > maxLength ? `${text.slice(0, maxLength)}…` : text)
