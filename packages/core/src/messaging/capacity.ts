/** Number of messages that a buffer keeps by default: some pulls of a reader that is busy for a moment. */
export const defaultCapacity = 1_024
