import { computed, type ComputedRef } from 'vue';
import { ApiError, asApiError } from '@/api/problem';
import { useForm, type Form } from '@/forms/form';
import { useTexts } from '@/texts/texts';
import { problemsOf, type PersonDraft } from './person';
import { personTexts } from './texts';

/** The form of a person, which `send` stores. A phone number of another person is a wrong field. */
export function usePersonForm(
  initial: PersonDraft,
  send: (draft: PersonDraft, key: string) => Promise<void>,
): Form<PersonDraft> {
  const t = useTexts(personTexts);
  return useForm<PersonDraft>({
    initial,
    validate: (draft) =>
      Object.fromEntries(
        Object.entries(problemsOf(draft)).map(([field, code]) => [field, t.value.problems[code]]),
      ),
    send: async (draft, key) => {
      try {
        await send(draft, key);
      } catch (error) {
        const problem = asApiError(error);
        if (problem.slug !== 'phone-taken') throw error;
        const message = t.value.phoneTaken;
        const errors = [{ pointer: '/phone', code: 'taken', message }];
        throw new ApiError(problem.status, { ...problem.body, errors });
      }
    },
  });
}

/** The labels of the fields, for the summary of errors. */
export function useFieldLabels(): ComputedRef<Record<string, string>> {
  const t = useTexts(personTexts);
  return computed(() => {
    const { name, displayName, phone, regions, categories, capacity, weight, role } = t.value;
    return { name, displayName, phone, regions, categories, capacity, weight, role };
  });
}
