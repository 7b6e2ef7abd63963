import type { Consultation } from '@/api/types';

/** Whether a value of the cache is this consultation. */
function isOne(value: unknown, id: string): value is Consultation {
  return typeof value === 'object' && value !== null && 'step' in value && 'id' in value
    ? value.id === id
    : false;
}

/**
 * The value of the cache with the consultation changed, wherever it is in it: alone, in a list, or
 * in the pages of a list. A value without it is returned as it is.
 */
export function withConsultation<T>(
  value: T,
  id: string,
  change: (consultation: Consultation) => Consultation,
): T {
  if (isOne(value, id)) return change(value) as T;
  if (Array.isArray(value)) {
    const changed = value.map((item: unknown) => withConsultation(item, id, change));
    return changed.some((item, index) => item !== value[index]) ? (changed as T) : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  for (const name of ['items', 'pages'] as const) {
    const before = (value as Record<string, unknown>)[name];
    if (before === undefined) continue;
    const after = withConsultation(before, id, change);
    if (after !== before) return { ...value, [name]: after };
  }
  return value;
}
