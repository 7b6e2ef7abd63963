import { useForm, type Form } from '@/forms/form';
import { useTexts } from '@/texts/texts';
import { problemsOf, type Draft } from './draft';
import { projectTexts } from './texts';

/** The server's pointer of a period is one object, and of fields their names. */
function fieldOf(pointer: string): string {
  const [, field, part] = pointer.split('/');
  if (field !== 'period') return field ?? '';
  if (part === 'text') return 'periodText';
  return part === 'startsOn' || part === 'endsOn' ? part : 'periodKind';
}

/** The form of an edition, which `send` stores. */
export function useProjectForm(
  initial: Draft,
  send: (draft: Draft, key: string) => Promise<void>,
): Form<Draft> {
  const t = useTexts(projectTexts);
  return useForm<Draft>({
    initial,
    validate: (draft) =>
      Object.fromEntries(
        Object.entries(problemsOf(draft)).map(([field, code]) => [field, t.value.problems[code]]),
      ),
    send,
    fieldOf,
  });
}
