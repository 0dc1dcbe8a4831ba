// What stands in a pickle in the place of an object that is not made.

/** An object of a class or a function that is not called: what it holds is passed over. */
export class Foreign {
  constructor(
    /** Its class, or the function that would make it. */
    readonly name: string,
    /** What it is called where it stands for a tensor. */
    readonly tensor?: string,
  ) {}
}

/** @param value what was read of a pickle */
export const foreignIn = (value: unknown): Foreign | null =>
  typeof value === 'object' && value !== null && 'made' in value && value.made instanceof Foreign ? value.made : null
