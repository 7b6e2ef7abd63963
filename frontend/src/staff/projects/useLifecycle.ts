import { useQueryClient } from '@tanstack/vue-query';
import { ref, type Ref } from 'vue';
import { api, basedOn, idempotencyKey, once, unwrap } from '@/api/client';
import { asApiError } from '@/api/problem';
import type { Project, Status } from '@/api/types';
import { markOwn } from '@/live/marks';
import { names } from '@/texts/names';
import { useTexts } from '@/texts/texts';
import { useToasts } from '@/ui/toasts';
import { lifecycleTexts } from './lifecycleTexts';

/** Starting and ending an edition. */
interface Lifecycle {
  isBusy: Ref<boolean>;
  /** Whether it was done. What was refused is said in a toast, and the present state is shown. */
  start: (project: Project) => Promise<boolean>;
  end: (project: Project) => Promise<boolean>;
}

export function useLifecycle(): Lifecycle {
  const t = useTexts(lifecycleTexts);
  const n = useTexts(names);
  const queries = useQueryClient();
  const toasts = useToasts();
  const isBusy = ref(false);

  const move = async (
    path: '/api/projects/{id}/start' | '/api/projects/{id}/end',
    { id, version }: Project,
    done: string,
  ): Promise<boolean> => {
    isBusy.value = true;
    markOwn(id);
    try {
      const header = { ...once(idempotencyKey()), ...basedOn(version) };
      await unwrap(api.POST(path, { params: { path: { id }, header } }));
      toasts.show(done);
      return true;
    } catch (error) {
      const { status, body, title } = asApiError(error);
      const now = body.projectStatus as Status | undefined;
      if (status === 409 && now) toasts.show(t.value.notPossible(n.value.status[now]));
      else toasts.show(status === 412 ? t.value.changed : title);
      return false;
    } finally {
      isBusy.value = false;
      await queries.invalidateQueries({ queryKey: ['projects'] });
    }
  };

  return {
    isBusy,
    start: (project) => move('/api/projects/{id}/start', project, t.value.started),
    end: (project) =>
      move('/api/projects/{id}/end', project, t.value.endDone(String(project.year + 1))),
  };
}
