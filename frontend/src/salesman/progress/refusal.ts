import type { ApiError } from '@/api/problem';
import type { Step } from '@/api/types';
import { formatDuration } from '@/texts/format';
import { names } from '@/texts/names';
import { progressTexts } from './texts';

type Texts = (typeof progressTexts)['ko'];
type Names = (typeof names)['ko'];

/** Why a step was not taken, in a sentence. */
function whyOf(error: ApiError, t: Texts, n: Names): string {
  const { why } = t;
  if (error.isUnreachable) return why.offline;
  switch (error.status) {
    case 403:
    case 404:
      return why.gone;
    case 409: {
      if (error.slug === 'write-in-flight') return why.busy;
      const step = error.body.step as Step | undefined;
      if (step === undefined) return error.title;
      return step === 'cancelled' ? why.cancelledFirst : why.already(n.step[step]);
    }
    case 412:
      return why.changed;
    case 429:
      return why.tooOften(error.retryAfter ? formatDuration(error.retryAfter * 1000) : why.aBit);
    default:
      return error.status >= 500 ? why.ours : (error.fields[0]?.message ?? error.title);
  }
}

/** What a page says after it took back a step: what was not done, where it is now, and why. */
export function refusalOf(error: ApiError, to: Step, before: Step, t: Texts, n: Names): string {
  const moved = to === 'apply' ? 'cancelled' : to;
  return `${t.rolledBack[moved](n.step[before])} ${whyOf(error, t, n)}`;
}
