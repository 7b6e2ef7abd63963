import { useQueryClient } from '@tanstack/vue-query';
import { computed, reactive, type ComputedRef } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import { api, csrf, idempotencyKey, once, unwrap } from '@/api/client';
import { asApiError } from '@/api/problem';
import { markOwn } from '@/live/marks';
import { signInPath } from '@/router';
import { role } from '@/session/session';
import { useTexts } from '@/texts/texts';
import { useToasts } from '@/ui/toasts';
import { markLater, takeMarked, type Marked } from '../programmes/markLater';
import { keepInterest, knownInterests, seriesOf, useMyInterests } from './mine';
import { heartTexts } from './heartTexts';

/** The ♥ of all programmes on a view. */
export interface Hearts {
  /** Whether this person can mark programmes at all: customers, and visitors after a sign-in. */
  areShown: ComputedRef<boolean>;
  isOn: (programme: Marked) => boolean;
  toggle: (programme: Marked) => void;
  /** Marks what a visitor pressed before the sign-in. */
  resume: () => void;
}

/** What was pressed and is not stored yet, by series. */
const wanted = reactive(new Map<string, boolean>());
const busy = new Set<string>();

/** ♥ changes at once, is sent behind it, and rolls back with words when it is refused. */
export function useHearts(): Hearts {
  const queries = useQueryClient();
  const route = useRoute();
  const router = useRouter();
  const toasts = useToasts();
  const t = useTexts(heartTexts);
  const mine = useMyInterests();
  const stored = computed(() => new Set(mine.data.value?.map(seriesOf)));

  const isOn = ({ seriesId }: Marked): boolean =>
    wanted.get(seriesId) ?? stored.value.has(seriesId);

  async function turnOn({ id, name }: Marked): Promise<void> {
    const interest = await unwrap(
      api.POST('/api/interests', {
        params: { header: once(idempotencyKey()) },
        body: { projectId: id, projectName: name },
      }),
    );
    markOwn(interest.id);
    keepInterest(queries, interest);
  }

  async function turnOff({ seriesId }: Marked): Promise<void> {
    const found = knownInterests(queries).find((it) => seriesOf(it) === seriesId);
    if (!found) return;
    markOwn(found.id);
    const interest = await unwrap(
      api.PATCH('/api/interests/{id}', {
        // Off is off, no matter who was matched meanwhile.
        params: { path: { id: found.id }, header: { ...csrf, 'If-Match': '*' } },
        body: { interested: false },
      }),
    );
    keepInterest(queries, interest);
  }

  async function settle(programme: Marked): Promise<void> {
    const { seriesId } = programme;
    if (busy.has(seriesId)) return;
    busy.add(seriesId);
    try {
      for (;;) {
        const want = wanted.get(seriesId);
        const isStored = knownInterests(queries).some((it) => seriesOf(it) === seriesId);
        if (want === undefined || want === isStored) break;
        await (want ? turnOn(programme) : turnOff(programme));
      }
    } catch (error) {
      const { isUnreachable, detail, title } = asApiError(error);
      const why = isUnreachable ? t.value.offline : (detail ?? title);
      const refused = wanted.get(seriesId) ? t.value.notOn : t.value.notOff;
      toasts.show([refused, why].filter(Boolean).join(' '));
    } finally {
      busy.delete(seriesId);
      wanted.delete(seriesId);
    }
  }

  function want(programme: Marked, on: boolean): void {
    wanted.set(programme.seriesId, on);
    toasts.show({
      text: on ? t.value.on : t.value.off,
      action: { label: t.value.undo, run: () => want(programme, !on) },
    });
    void settle(programme);
  }

  function toggle(programme: Marked): void {
    if (role.value !== undefined) {
      want(programme, !isOn(programme));
      return;
    }
    markLater(programme);
    void router.push(signInPath(['customer'], route.fullPath));
  }

  function resume(): void {
    const programme = role.value === 'customer' ? takeMarked() : undefined;
    if (programme) want(programme, true);
  }

  return {
    areShown: computed(() => role.value === undefined || role.value === 'customer'),
    isOn,
    toggle,
    resume,
  };
}
