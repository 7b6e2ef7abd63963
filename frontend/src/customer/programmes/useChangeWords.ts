import { computed, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue';
import { useMark } from '@/live/marks';
import { useTexts } from '@/texts/texts';
import type { ProgrammeOfRow } from '@/ui/ProgrammeRow.vue';
import { programmeTexts } from './texts';

/** A programme that can change while it is shown. */
type Changing = ProgrammeOfRow & { id: string };

/**
 * What someone else has just changed about a programme, in words. The first state that this view
 * showed tells what changed.
 */
export function useChangeWords(
  programme: MaybeRefOrGetter<Changing | undefined>,
): ComputedRef<string | undefined> {
  const t = useTexts(programmeTexts);
  const mark = useMark(() => toValue(programme)?.id);
  let first = toValue(programme);
  return computed(() => {
    const now = toValue(programme);
    if (first?.id !== now?.id) first = now;
    if (!first || !now || !mark.value) return undefined;
    if (now.phase === 'ended' && first.phase !== 'ended') return t.value.justEnded;
    if (first.phase === 'upcoming' && now.phase !== 'upcoming') return t.value.justStarted;
    return first.period.endsOn === now.period.endsOn ? t.value.changed : t.value.deadlineMoved;
  });
}
