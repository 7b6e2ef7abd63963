import { language, setLanguage, type Language } from '@/texts/texts';
import { useToasts } from '@/ui/toasts';
import { shellTexts } from './texts';

/** Changes the language. Where its words cannot be loaded, the page says so and stays as it is. */
export async function changeLanguage(next: Language): Promise<void> {
  try {
    await setLanguage(next);
  } catch {
    useToasts().show(shellTexts[language.value].languageFailed);
  }
}
