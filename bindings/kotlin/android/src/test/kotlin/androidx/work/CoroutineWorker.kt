package androidx.work

import android.content.Context

/** Stand-ins for the classes of WorkManager that the worker of docs/mobile.md needs: Google's own are in no registry of ours. */
class WorkerParameters(val inputData: Data)

class Data(private val values: Map<String, Any?>) {
    fun getString(key: String): String? = values[key] as String?

    override fun equals(other: Any?): Boolean = other is Data && other.values == values

    override fun hashCode(): Int = values.hashCode()

    override fun toString(): String = values.toString()
}

fun workDataOf(vararg pairs: Pair<String, Any?>): Data = Data(mapOf(*pairs))

abstract class ListenableWorker(val applicationContext: Context, private val parameters: WorkerParameters) {
    val inputData: Data get() = parameters.inputData

    sealed class Result {
        data class Success(val outputData: Data) : Result()

        data object Retry : Result()

        data class Failure(val outputData: Data) : Result()

        companion object {
            fun success(data: Data): Result = Success(data)

            fun retry(): Result = Retry

            fun failure(data: Data = Data(mapOf())): Result = Failure(data)
        }
    }
}

abstract class CoroutineWorker(context: Context, parameters: WorkerParameters) : ListenableWorker(context, parameters) {
    abstract suspend fun doWork(): Result
}
