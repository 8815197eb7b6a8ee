// Pure arithmetic of parts: which bytes of a file part n holds. Part numbers start at 1, as S3's do.
// Must not know how parts are sent. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html

export type PartRange = { start: number; end: number };

/** The bytes [start, end) of a part; an empty file has one empty part. */
export function partRange(number: number, partSize: number, size: number): PartRange {
  const start = (number - 1) * partSize;
  return { start: Math.min(start, size), end: Math.min(start + partSize, size) };
}

/** 1, 2, …, count. */
export function allParts(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** The bytes of these parts together; the last part of a file may be shorter than the others. */
export function sizeOf(numbers: readonly number[], partSize: number, size: number): number {
  const sizes = numbers.map((number) => {
    const { start, end } = partRange(number, partSize, size);
    return end - start;
  });
  return sizes.reduce((sum, each) => sum + each, 0);
}

/** The numbers of the parts that S3 lacks or holds in another size. */
export function missingParts(
  plan: { part_size: number; part_count: number; size: number },
  stored: readonly { number: number; size: number }[],
): number[] {
  const sizes = new Map(stored.map((part) => [part.number, part.size]));
  return allParts(plan.part_count).filter((number) => {
    const { start, end } = partRange(number, plan.part_size, plan.size);
    return sizes.get(number) !== end - start;
  });
}
